/** Names of downloaded files, from the template of `--name`. */
import { readdir, rename } from 'node:fs/promises';
import { dirname, extname, join, parse, resolve } from 'node:path';
import { CommandError, EXIT } from './exit-codes.js';

/** What a name is made from. */
export interface NameParts {
  key: string | undefined;
  line: number;
}

interface NamedRow extends NameParts {
  /** Whether it has a task already, whose file may be there. */
  isKnown: boolean;
}

const PLACEHOLDERS = ['key', 'line', 'id', 'n'];
const MAX_BYTES = 200;

/** Not allowed on Windows, or of a path. */
const UNSAFE = /[<>:"/\\|?*\p{Cc}]/gu;
/** Names of devices on Windows, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])(?: *\.|$)/i;

/** Makes a text safe as a file name, without its extension. */
export function safeFileName(text: string): string {
  let name = text
    .normalize('NFC')
    .replace(UNSAFE, '_')
    .replace(/^\.+/, '_')
    .replace(/[. ]+$/, '')
    .trim();
  if (name === '' || DEVICE.test(name)) name = `_${name}`;
  while (Buffer.byteLength(name) > MAX_BYTES) name = name.slice(0, -1).replace(/[\uD800-\uDBFF]$/, '');
  return name;
}

/** Checks the template itself. */
export function checkTemplate(template: string): void {
  const unknown = [...template.matchAll(/\{([^{}]*)\}/g)].find(
    ([, name = '']) => !PLACEHOLDERS.includes(name),
  );
  const expected = `expected a file name without extension, with ${PLACEHOLDERS.map((name) => `{${name}}`).join(', ')}`;
  if (unknown !== undefined) throw usage(`--name: ${unknown[0]} is unknown; ${expected}.`);
  if (template.trim() === '' || /[/\\]/.test(template))
    throw usage(`--name: got "${template}"; ${expected}.`);
}

/** File systems of macOS and Windows ignore case, and some list names in another normal form. */
const fold = (name: string) => name.normalize('NFC').toLowerCase();

const usage = (message: string) => new CommandError(`${message} Nothing was sent.`, EXIT.usage);

function expand(template: string, values: Record<string, string | number>): string {
  return safeFileName(template.replace(/\{([^{}]*)\}/g, (_, name: string) => String(values[name] ?? '')));
}

/** Names the files of a batch. Without a template, a row with a key is named by it, and any other by its task's id. */
export class FileNames {
  readonly #template: string | undefined;

  constructor(template: string | undefined) {
    if (template !== undefined) checkTemplate(template);
    this.#template = template;
  }

  /** Returns the template of a row, or undefined if the file keeps the name that it is downloaded with. */
  #templateOf({ key }: NameParts): string | undefined {
    return this.#template ?? (key === undefined ? undefined : '{key}');
  }

  /**
   * @param directory Where the files go.
   * @throws {CommandError} if names clash, or a file that this batch would make exists.
   */
  async check(rows: readonly NamedRow[], directory: string): Promise<void> {
    const existing = new Set((await readNames(directory)).map((file) => fold(parse(file).name)));
    const seen = new Map<string, number>();
    for (const row of rows) {
      const template = this.#templateOf(row);
      if (template === undefined) continue;
      if (template.includes('{key}') && row.key === undefined) {
        throw usage(`--name: line ${row.line} has no key, which {key} needs.`);
      }
      if (template.includes('{id}')) continue;
      const name = this.#nameOf(template, row, '', 0, 1);
      const folded = fold(name);
      const earlier = seen.get(folded);
      if (earlier !== undefined) {
        throw usage(`--name: lines ${earlier} and ${row.line} would both make the file "${name}".`);
      }
      seen.set(folded, row.line);
      if (!row.isKnown && existing.has(folded)) {
        throw usage(
          `A file "${name}" is in ${directory} already, and line ${row.line} would make it: move it, or choose another --output or --name.`,
        );
      }
    }
  }

  /** Returns the names of a task's files without extension, or undefined if they keep their names. */
  namesOf(row: NameParts, id: string, count: number): string[] | undefined {
    const template = this.#templateOf(row);
    if (template === undefined) return undefined;
    return Array.from({ length: count }, (_, index) => this.#nameOf(template, row, id, index, count));
  }

  #nameOf(template: string, { key = '', line }: NameParts, id: string, index: number, count: number): string {
    const n = index + 1;
    const name = expand(template, { key, line, id, n });
    return count > 1 && n > 1 && !template.includes('{n}') ? `${name}-${n}` : name;
  }
}

/**
 * Lists a directory for downloads; one that is not there will be made.
 *
 * @throws {CommandError} if it is a file, or cannot be read.
 */
export async function readNames(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw usage(`--output: ${(error as Error).message}.`);
  }
}

/** Returns the absolute paths of the files with these names, whatever their extensions, or undefined if one is missing. */
export async function findFiles(directory: string, names: readonly string[]): Promise<string[] | undefined> {
  const files = await readNames(directory);
  const found = names.map((name) => files.find((file) => parse(file).name.normalize('NFC') === name));
  return found.includes(undefined) ? undefined : found.map((file) => resolve(directory, file ?? ''));
}

/** Renames downloaded files. A file that has appeared under the name meanwhile is kept, and so is the download's own name. */
export async function renameFiles(paths: readonly string[], names: readonly string[]): Promise<string[]> {
  const renamed: string[] = [];
  for (const [index, path] of paths.entries()) {
    const name = names[index];
    const directory = dirname(path);
    const target = name === undefined ? path : join(directory, name + extname(path));
    const exists = (await readNames(directory)).some(
      (file) => file !== parse(path).base && fold(file) === fold(parse(target).base),
    );
    if (target !== path && !exists) await rename(path, target);
    renamed.push(exists ? path : target);
  }
  return renamed;
}
