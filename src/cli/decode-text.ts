/** Decodes text given by the user: UTF-8, or what a byte order mark says. Anything else is refused with its likely encoding. */
import { CommandError, EXIT } from './exit-codes.js';

const BYTE_ORDER_MARKS = [
  { encoding: 'UTF-8', bytes: [0xef, 0xbb, 0xbf] },
  // Before UTF-16, whose mark is its beginning.
  { encoding: 'UTF-32LE', bytes: [0xff, 0xfe, 0, 0] },
  { encoding: 'UTF-32BE', bytes: [0, 0, 0xfe, 0xff] },
  { encoding: 'UTF-16LE', bytes: [0xff, 0xfe] },
  { encoding: 'UTF-16BE', bytes: [0xfe, 0xff] },
];

const NEWLINE = 0x0a;

/**
 * @param source Names the text in the error, such as `stdin`.
 * @throws {CommandError} if the bytes are not text in the expected encoding.
 */
export function decodeText(bytes: Uint8Array, source: string): string {
  const mark = BYTE_ORDER_MARKS.find(({ bytes: expected }) =>
    expected.every((byte, index) => bytes[index] === byte),
  );
  const encoding = mark?.encoding ?? 'UTF-8';
  const text = encoding.startsWith('UTF-32')
    ? undefined
    : tryDecode(bytes.subarray(mark?.bytes.length ?? 0), encoding);
  // UTF-16 without a mark is valid UTF-8 where its characters are ASCII: it has zeros.
  if (text !== undefined && !text.includes('\0')) return text;
  const likely = mark === undefined ? guessEncoding(bytes) : encoding;
  const line = mark === undefined ? `, line ${lineOfFirstProblem(bytes)}` : '';
  throw new CommandError(
    `${source}${line}: the text is not valid UTF-8; it is probably ${likely}. Save it as UTF-8. Nothing was sent.`,
    EXIT.usage,
  );
}

function tryDecode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function lineOfFirstProblem(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline + 1;
    const text = tryDecode(bytes.subarray(start, end), 'UTF-8');
    if (text === undefined || text.includes('\0')) return line;
    start = end;
  }
  return line;
}

/** Encodings of two bytes a character. A fatal decoder tells most texts apart; the order does the rest. */
const DOUBLE_BYTE = [
  ['Shift_JIS', 'shift_jis'],
  ['EUC-KR', 'euc-kr'],
  ['GBK', 'gbk'],
  ['Big5', 'big5'],
] as const;

function guessEncoding(bytes: Uint8Array): string {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return 'an Excel workbook or another ZIP file, not text';
  const zeros = [0, 0];
  let high = 0;
  let alone = 0;
  let cyrillic = 0;
  const isHigh = (index: number) => (bytes[index] ?? 0) >= 0x80;
  for (const [index, byte] of bytes.entries()) {
    if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
    if (byte < 0x80) continue;
    high += 1;
    if (!isHigh(index - 1) && !isHigh(index + 1)) alone += 1;
    if (byte >= 0xc0) cyrillic += 1;
  }
  const [even = 0, odd = 0] = zeros;
  if (even + odd > bytes.length / 5) return odd > even ? 'UTF-16LE' : 'UTF-16BE';
  if (even + odd > 0) return 'binary data, not text';
  // Accented letters of western languages stand between ASCII letters.
  if (alone * 2 >= high) return 'Windows-1252 (what Excel writes as "CSV"; choose "CSV UTF-8")';
  if (cyrillic > high * 0.9) return 'Windows-1251';
  const double = DOUBLE_BYTE.find(([, label]) => tryDecode(bytes, label) !== undefined);
  return double?.[0] ?? 'Windows-1252';
}
