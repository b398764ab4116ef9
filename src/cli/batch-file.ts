/** Reads a batch: one JSON object per line, all validated before the first is sent. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InvalidInputError } from '../index.js';
import { decodeText } from './decode-text.js';
import { CommandError, EXIT } from './exit-codes.js';
import { EXPECTED_MODEL, findModel } from './options.js';
import { findRepeatedMember } from './repeated-member.js';
import { readRequest, readStdin, type TaskRequest } from './request.js';

export interface BatchLine extends TaskRequest {
  line: number;
  key: string | undefined;
  idempotencyKey: string;
}

/** The same content gets the same key on any line; a repeated line gets another one. */
function deriveKey(content: Record<string, unknown>, repetition: number): string {
  const sorted = Object.fromEntries(Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1)));
  const hash = createHash('sha256').update(JSON.stringify([sorted, repetition]));
  return `line-${hash.digest('hex').slice(0, 32)}`;
}

function parseLine(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON (${(error as Error).message})`, { cause: error });
  }
  const repeated = findRepeatedMember(text);
  if (repeated !== undefined) throw new Error(`${repeated}: given more than once; expected it once`);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error('expected an object such as { "model": "o3-std", "prompt": "A fox" }');
}

async function readLine(text: string, line: number, seen: Map<string, number>): Promise<BatchLine> {
  const content = parseLine(text);
  const { key, model: name, ...fields } = content;
  if (key !== undefined && (typeof key !== 'string' || key.trim() === '' || key.length > 255)) {
    throw new Error('key: expected a text of 1 to 255 characters');
  }
  const model = findModel(name);
  if (model === undefined) {
    throw new Error(`model: got ${JSON.stringify(name) ?? 'nothing'}; ${EXPECTED_MODEL}`);
  }
  const repetition = seen.get(text) ?? 0;
  seen.set(text, repetition + 1);
  const request = await readRequest(model, fields);
  return { ...request, line, key, idempotencyKey: key ?? deriveKey(content, repetition) };
}

async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await readStdin() : decodeText(await readFile(file), file);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`The batch cannot be read: ${(error as Error).message}`, EXIT.usage);
  }
}

export async function readBatch(file: string): Promise<BatchLine[]> {
  const texts = (await readText(file)).split(/\r?\n/);
  const problems: string[] = [];
  const lines: BatchLine[] = [];
  const seen = new Map<string, number>();
  const lineOfKey = new Map<string, number>();
  for (const [index, text] of texts.entries()) {
    if (text.trim() === '') continue;
    const line = index + 1;
    try {
      const one = await readLine(text, line, seen);
      const earlier = lineOfKey.get(one.idempotencyKey);
      if (earlier !== undefined)
        throw new Error(`key: "${one.idempotencyKey}" is the key of line ${earlier} already`);
      lineOfKey.set(one.idempotencyKey, line);
      lines.push(one);
    } catch (error) {
      const issues = InvalidInputError.isInstance(error) ? error.issues : [error as Error];
      for (const { message } of issues) problems.push(`line ${line}: ${message}`);
    }
  }
  if (lines.length === 0 && problems.length === 0) problems.push('the file is empty');
  if (problems.length === 0) return lines;
  const name = file === '-' ? 'stdin' : file;
  const list = problems.map((problem) => `  - ${problem}`).join('\n');
  throw new CommandError(`Invalid batch ${name}; nothing was sent.\n${list}`, EXIT.usage);
}
