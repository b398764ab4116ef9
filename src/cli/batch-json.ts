/** Reads a batch in JSON Lines: one object per line. */
import { findRepeatedMember } from './repeated-member.js';
import { type RawRow, WrongFileError } from './batch-row.js';

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

/** @throws {WrongFileError} for a file of another kind. */
export function readJsonLines(text: string): RawRow[] {
  const lines = text.split(/\r?\n/);
  const first = lines.find((line) => line.trim() !== '')?.trim() ?? '';
  if (!/^[{["]/.test(first)) {
    throw new WrongFileError(
      'is not JSON Lines: its first line does not start with {. For CSV, give it the extension .csv, or add --csv.',
    );
  }
  if (first === '[' || (first.startsWith('[{') && !lines.some((line) => line.startsWith('{')))) {
    throw new WrongFileError('is a JSON array; expected JSON Lines, which have one object per line.');
  }
  return lines.flatMap((line, index): RawRow[] => {
    if (line.trim() === '') return [];
    const place = `line ${index + 1}`;
    return [
      {
        line: index + 1,
        place,
        read: () => parseLine(line),
        describe: ({ message }) => `${place}: ${message}`,
      },
    ];
  });
}
