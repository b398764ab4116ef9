/** Writes to stdout (data) and stderr (everything else), around what is drawn live. */
import { stripVTControlCharacters, styleText } from 'node:util';

/** What is drawn on the terminal and has to make room for a line. */
export interface LiveRegion {
  clear(): void;
  draw(): void;
}

let live: LiveRegion | undefined;

/** Sets what is drawn live; undefined when it has ended. */
export function setLiveRegion(region: LiveRegion | undefined): void {
  live = region;
}

/** Removes control characters: text of the service must not steer the terminal. */
export function clean(text: string): string {
  return stripVTControlCharacters(text).replace(/(?!\n)\p{Cc}/gu, '');
}

/** Returns whether a stream gets colours: FORCE_COLOR, else NO_COLOR, else a terminal that is not dumb. */
export function hasColors(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = env;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return !['0', 'false'].includes(FORCE_COLOR);
  return !NO_COLOR && TERM !== 'dumb' && stream.isTTY === true;
}

/** Returns whether lines on stderr can be redrawn. */
export function canRedraw(env: NodeJS.ProcessEnv = process.env): boolean {
  const inCi = Boolean(env.CI) && env.CI !== 'false' && env.CI !== '0';
  return process.stderr.isTTY === true && env.TERM !== 'dumb' && !inCi;
}

/** Styles a text for stderr, where it has colours. */
export function paint(style: 'green' | 'red' | 'yellow' | 'cyan' | 'dim', text: string): string {
  // Without `validateStream: false`, newer versions of Node decide by stdout.
  return hasColors(process.stderr) ? styleText(style, text, { validateStream: false }) : text;
}

function write(stream: NodeJS.WriteStream, text: string): void {
  live?.clear();
  stream.write(text);
  live?.draw();
}

/** Prints one line of data: fields separated by tabs. */
export function print(...fields: readonly (string | number | undefined)[]): void {
  const line = fields.map((field) => clean(String(field ?? '')).replaceAll('\n', ' '));
  write(process.stdout, `${line.join('\t')}\n`);
}

/** Prints one JSON object as one line of data. */
export function printJson(value: unknown): void {
  write(process.stdout, `${JSON.stringify(value)}\n`);
}

/** Prints a message to stderr. `mark` is a styled prefix. */
export function note(text: string, mark = ''): void {
  write(process.stderr, `${mark === '' ? '' : `${mark} `}${clean(text)}\n`);
}

/** Waits until both streams have handed over what was written: a pipe may still be taking it. */
export async function flush(): Promise<void> {
  const flushed = (stream: NodeJS.WriteStream) =>
    new Promise<void>((resolve) => {
      stream.write('', () => resolve());
    });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
}
