// Text that is not UTF-8, and JSON members given twice: in batches, on stdin and in files.
import { describe, expect, test } from 'vitest';
import { decodeText } from '../../src/cli/decode-text.js';
import { findRepeatedMember } from '../../src/cli/repeated-member.js';

const encode = (text: string, encoding: BufferEncoding, mark: number[] = []) =>
  Buffer.concat([Buffer.from(mark), Buffer.from(text, encoding)]);
const bigEndian = (text: string, mark: number[] = []) =>
  Buffer.concat([Buffer.from(mark), Buffer.from(text, 'utf16le').swap16()]);

describe('decodeText', () => {
  const text = 'Ein Füchslein — 狐\r\n{"a":1}\n';

  test.each([
    ['UTF-8', encode(text, 'utf8')],
    ['UTF-8 with a mark', encode(text, 'utf8', [0xef, 0xbb, 0xbf])],
    ['UTF-16LE with a mark', encode(text, 'utf16le', [0xff, 0xfe])],
    ['UTF-16BE with a mark', bigEndian(text, [0xfe, 0xff])],
  ])('decodes %s, and removes the mark alone', (_, bytes) => {
    expect(decodeText(bytes, 'stdin')).toBe(text);
  });

  test('keeps a byte order mark that is part of the text', () => {
    expect(decodeText(encode('a\uFEFFb', 'utf8', [0xef, 0xbb, 0xbf]), 'stdin')).toBe('a\uFEFFb');
  });

  test.each([
    ['UTF-16LE', encode('A fox', 'utf16le')],
    ['UTF-16BE', bigEndian('A fox')],
    ['Windows-1252', encode('good line\nEin F\xFCchslein im Fr\xFChling', 'latin1')],
    ['Windows-1251', Buffer.from([0xcb, 0xe8, 0xf1, 0xe8, 0xf6, 0xe0, 0x20, 0xe2, 0x20, 0xf1, 0xed, 0xe5])],
    ['Shift_JIS', Buffer.from([0x83, 0x4c, 0x83, 0x63, 0x83, 0x6c, 0x82, 0xaa, 0x91, 0x96, 0x82, 0xe9])],
    ['UTF-32LE', Buffer.from([0xff, 0xfe, 0, 0, 0x41, 0, 0, 0])],
    ['an Excel workbook', Buffer.from([0x50, 0x4b, 3, 4, 0, 0xff, 0xfe, 0])],
    ['binary data', Buffer.from([0x41, 0, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41])],
  ])('refuses %s, and names it', (encoding, bytes) => {
    expect(() => decodeText(bytes, 'rows.csv')).toThrow(`it is probably ${encoding}`);
  });

  test('names the first line that is not UTF-8', () => {
    const bytes = encode('one\ntwo\nthr\xE9\nfour\xE9\n', 'latin1');
    expect(() => decodeText(bytes, 'rows.csv')).toThrow(/^rows\.csv, line 3: /);
  });

  test('refuses UTF-16 with a mark that is cut in the middle of a character', () => {
    expect(() => decodeText(Buffer.from([0xff, 0xfe, 0x41]), 'stdin')).toThrow('UTF-16LE');
  });
});

describe('findRepeatedMember', () => {
  test.each([
    ['{"duration":3,"prompt":"x","duration":15}', 'duration'],
    [String.raw`{"duration":3,"dur\u0061tion":15}`, 'duration'],
    ['{"a":{"b":1,"b":2}}', 'b'],
    ['[{"a":1},{"a":[{"c":1, "c" : 2}]}]', 'c'],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ])('finds it in %s', (json, name) => {
    expect(findRepeatedMember(json)).toBe(name);
  });

  test.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    String.raw`{"a":"\"b\":1,\"b\":2","b":"{","c":"\\"}`,
    '{"a":"b","b":"a"}',
    '{"":1," ":2}',
  ])('finds none in %s', (json) => {
    expect(findRepeatedMember(json)).toBeUndefined();
  });
});
