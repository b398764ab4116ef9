/** Writes to stdout (data) and stderr (everything else) without breaking the live display. */
import { stripVTControlCharacters, styleText } from 'node:util';

export interface LiveRegion {
  clear(): void;
  draw(): void;
}

let live: LiveRegion | undefined;

export function setLiveRegion(region: LiveRegion | undefined): void {
  live = region;
}

/** Removes control characters: text from the service must not control the terminal. */
export function clean(text: string): string {
  return stripVTControlCharacters(text).replace(/(?!\n)\p{Cc}/gu, '');
}

/** Precedence: FORCE_COLOR, NO_COLOR, then a terminal that is not dumb. */
export function hasColors(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = env;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return !['0', 'false'].includes(FORCE_COLOR);
  return !NO_COLOR && TERM !== 'dumb' && stream.isTTY === true;
}

export function canRedraw(env: NodeJS.ProcessEnv = process.env): boolean {
  const inCi = Boolean(env.CI) && env.CI !== 'false' && env.CI !== '0';
  return process.stderr.isTTY === true && env.TERM !== 'dumb' && !inCi;
}

export function paint(style: 'green' | 'red' | 'yellow' | 'cyan' | 'dim', text: string): string {
  // Without `validateStream: false`, newer versions of Node decide by stdout.
  return hasColors(process.stderr) ? styleText(style, text, { validateStream: false }) : text;
}

function write(stream: NodeJS.WriteStream, text: string): void {
  live?.clear();
  stream.write(text);
  live?.draw();
}

export function print(...fields: readonly (string | number | undefined)[]): void {
  const line = fields.map((field) => clean(String(field ?? '')).replaceAll('\n', ' '));
  write(process.stdout, `${line.join('\t')}\n`);
}

export function printLine(text: string): void {
  write(process.stdout, `${clean(text)}\n`);
}

export function printJson(value: unknown): void {
  write(process.stdout, `${JSON.stringify(value)}\n`);
}

export function note(text: string, mark = ''): void {
  write(process.stderr, `${mark === '' ? '' : `${mark} `}${clean(text)}\n`);
}

/** Waits until both streams are flushed: a pipe may still be full. */
export async function flush(): Promise<void> {
  const flushed = (stream: NodeJS.WriteStream) =>
    new Promise<void>((resolve) => {
      stream.write('', () => resolve());
    });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
}
