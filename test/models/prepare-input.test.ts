// What the client does with an input before anything is sent.
import { describe, expect, test } from 'vitest';
import { InvalidInputError, KLING_O3_STD } from 'wavespeed-kling';
import { clientOn, envelope, failure, task } from '../support/client.js';

const PATH =
  'pass a local file as pathToFileURL(path) from node:url, or as the URL that `await kling.upload(path)` returns';
const BYTES = 'pass bytes as `new Blob([bytes])`';

describe('a local file passed as its path or its bytes', () => {
  test.each<[string, unknown, string]>([
    ['a path', './a.png', PATH],
    ['an absolute path', '/home/me/a.png', PATH],
    ['a path of Windows', 'C:\\a.png', PATH],
    ['a path of Windows, with slashes', 'C:/a.png', PATH],
    ['the text of a file: URL', 'file:///a.png', PATH],
    ['a Buffer', Buffer.from('bytes'), BYTES],
    ['an ArrayBuffer', new ArrayBuffer(3), BYTES],
  ])('%s: the error says how to pass it', async (_, file, remedy) => {
    const { kling, seen } = clientOn(() => envelope(task()));
    for (const field of [{ images: ['https://a.b/c.png', file] }, { video: file }]) {
      const input = { prompt: 'A fox', ...field } as never;
      const error = await failure(kling.run(KLING_O3_STD, input), InvalidInputError);
      expect(error.issues).toHaveLength(1);
      expect(error.message).toMatch(/(?:images\[1\]|video): got .*; expected an http\(s\) URL/);
      expect(error.message).toContain(remedy);
      expect((await failure(kling.submit(KLING_O3_STD, input), InvalidInputError)).message).toBe(
        error.message,
      );
    }
    expect(seen).toEqual([]);
  });

  test('gives no such advice for other values, and keeps every issue', async () => {
    const { kling } = clientOn(() => envelope(task()));
    const input = {
      prompt: '',
      images: ['htp://a.b/c.png', '', 5, null, {}, './a.png'],
      video: 'ftp://a.b/c',
    };
    const error = await failure(kling.run(KLING_O3_STD, input as never), InvalidInputError);
    expect(error.issues.map(({ path }) => path.join('.')).join(' ')).toBe(
      'prompt video images.0 images.1 images.2 images.3 images.4 images.5 images',
    );
    expect(error.issues.filter(({ message }) => message.includes('upload')).length).toBe(1);
    expect(error.issues[7]?.message).toContain(PATH);
  });
});
