/** Reads a batch, in JSON Lines or CSV. All rows are validated before the first is sent. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InvalidInputError } from '../index.js';
import type { DefinedModel } from '../schemas.js';
import { readCsv } from './batch-csv.js';
import { readJsonLines } from './batch-json.js';
import { findRowModel, type RawRow, WrongFileError } from './batch-row.js';
import { MediaChecker } from './check-media.js';
import { decodeText } from './decode-text.js';
import { CommandError, EXIT } from './exit-codes.js';
import { EXPECTED_MODEL } from './options.js';
import { readRequest, readStdin, type TaskRequest } from './request.js';

export interface BatchLine extends TaskRequest<DefinedModel> {
  /** Line of the JSON Lines, or row of the CSV, whose header is row 1. */
  line: number;
  key: string | undefined;
  idempotencyKey: string;
}

export interface ReadBatchOptions {
  /** Whether the file is CSV. @default by its extension */
  csv?: boolean | undefined;
  /** Accepts equal rows without keys, each as a task of its own. @default false */
  allowDuplicates?: boolean | undefined;
  /** Model of `--model-file`: of the rows that name it, or none. */
  model?: DefinedModel | undefined;
}

const MAX_LISTED = 10;

const digestOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** The same content gets the same key on any line; a repeated line gets another one. */
function deriveKey(content: Record<string, unknown>, repetition: number): string {
  const sorted = Object.fromEntries(Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1)));
  return `line-${digestOf([sorted, repetition]).slice(0, 32)}`;
}

async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await readStdin() : decodeText(await readFile(file), file);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`The batch cannot be read: ${(error as Error).message}`, EXIT.usage);
  }
}

/** Validates rows one after the other, and finds those that repeat an earlier one. */
class RowReader {
  readonly lines: BatchLine[] = [];
  readonly #media = new MediaChecker();
  readonly #keys = new Map<string, string>();
  readonly #contents = new Map<string, number>();
  readonly #unkeyed = new Map<string, string>();
  readonly #allowDuplicates: boolean;
  readonly #model: DefinedModel | undefined;

  constructor({ allowDuplicates = false, model }: ReadBatchOptions) {
    this.#allowDuplicates = allowDuplicates;
    this.#model = model;
  }

  async add({ line, place, read }: RawRow): Promise<void> {
    const { key, model: name, ...fields } = read();
    if (key !== undefined && (typeof key !== 'string' || key.trim() === '' || key.length > 255)) {
      throw problemOf('key', 'expected a text of 1 to 255 characters');
    }
    const model = findRowModel(name, this.#model);
    if (model === undefined) {
      throw problemOf('model', `got ${JSON.stringify(name) ?? 'nothing'}; ${EXPECTED_MODEL}`);
    }
    const request = await readRequest(model, fields);
    await this.#media.check(model, request.input);
    if (key === undefined) this.#checkRepetition(place, [model.id, request.input]);
    const digest = digestOf([model.id, fields]);
    const repetition = this.#contents.get(digest) ?? 0;
    this.#contents.set(digest, repetition + 1);
    const idempotencyKey = key ?? deriveKey({ model: model.id, ...fields }, repetition);
    const earlier = this.#keys.get(idempotencyKey);
    if (earlier !== undefined) {
      throw problemOf('key', `"${idempotencyKey}" is the key of ${earlier} already`);
    }
    this.#keys.set(idempotencyKey, place);
    this.lines.push({ ...request, line, key, idempotencyKey });
  }

  #checkRepetition(place: string, request: unknown): void {
    if (this.#allowDuplicates) return;
    const digest = digestOf(request);
    const earlier = this.#unkeyed.get(digest);
    if (earlier !== undefined) {
      throw new Error(`equal to ${earlier}, and without a key: give each a key, or add --allow-duplicates`);
    }
    this.#unkeyed.set(digest, place);
  }
}

const problemOf = (field: string, message: string) =>
  new InvalidInputError('batch', [{ path: [field], message: `${field}: ${message}` }]);

/** @throws {CommandError} that lists the first problems of the rows. */
export async function readBatch(file: string, options: ReadBatchOptions = {}): Promise<BatchLine[]> {
  const name = file === '-' ? 'stdin' : file;
  const text = await readText(file);
  const rows = readRows(name, text, options.csv ?? /\.(?:csv|tsv)$/i.test(file), options.model);
  const reader = new RowReader(options);
  const problems: string[] = [];
  for (const row of rows) {
    try {
      await reader.add(row);
    } catch (error) {
      const issues = InvalidInputError.isInstance(error)
        ? error.issues
        : [{ path: [], message: (error as Error).message }];
      problems.push(...issues.map(row.describe));
    }
  }
  if (problems.length === 0) return reader.lines;
  const listed = problems.slice(0, MAX_LISTED).map((problem) => `  - ${problem}`);
  const more = problems.length - listed.length;
  if (more > 0) listed.push(`  … and ${more} more`);
  throw new CommandError(`Invalid batch ${name}; nothing was sent.\n${listed.join('\n')}`, EXIT.usage);
}

function readRows(name: string, text: string, isCsv: boolean, model: DefinedModel | undefined): RawRow[] {
  try {
    if (text.trim() === '') throw new WrongFileError('is empty.');
    const rows = isCsv ? readCsv(text, model) : readJsonLines(text);
    if (rows.length === 0) throw new WrongFileError('has a header, but no other row.');
    return rows;
  } catch (error) {
    if (!(error instanceof WrongFileError)) throw error;
    throw new CommandError(`${name} ${error.message} Nothing was sent.`, EXIT.usage);
  }
}
