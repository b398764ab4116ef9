// Batches in CSV: cells become fields by the model's schema, and errors name row and column.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IMAGE, parseLines, setUp } from './support.js';

describe.concurrent('a batch in CSV', () => {
  test('becomes the requests that its cells say', async () => {
    const { run, write, emulator } = await setUp();
    const file = write('videos.csv', [
      'Key,model,prompt,images,image2,image1,duration,sound,aspect_ratio',
      'fox,o3-std,"A fox, in the snow",https://a.test/1.png | https://a.test/2.png,,,8,TRUE,9:16',
      'hare,o3-std,"A ""hare""',
      'and a fox",,https://a.test/4.png,https://a.test/3.png,,0,',
      ',,,,,,,,',
      'boat,o1,A boat,,,,,,',
    ]);
    const { code, stdout } = await run(['batch', file]);
    expect(code).toBe(0);
    const inputs = Object.fromEntries(emulator.account.tasks.map(({ input }) => [input.prompt, input]));
    expect(inputs).toMatchObject({
      'A fox, in the snow': {
        images: ['https://a.test/1.png', 'https://a.test/2.png'],
        duration: 8,
        sound: true,
        aspect_ratio: '9:16',
      },
      'A "hare"\nand a fox': {
        images: ['https://a.test/3.png', 'https://a.test/4.png'],
        duration: 5,
        sound: false,
        aspect_ratio: '16:9',
      },
      'A boat': { images: [], duration: 5 },
    });
    const lines = parseLines(stdout).map(({ line, key }) => [line, key]);
    expect(new Map(lines as [number, string][])).toEqual(
      new Map([
        [2, 'fox'],
        [3, 'hare'],
        [5, 'boat'],
      ]),
    );
  });

  test.for([
    ['semicolons', 'model;prompt;duration\no1;A fox, in snow;8'],
    ['tabs', 'model\tprompt\tduration\no1\tA fox, in snow\t8'],
    ['a byte order mark and CRLF', '\uFEFFmodel,prompt,duration\r\no1,"A fox, in snow",8\r\n'],
  ] as const)('may be separated by or written with %s', async ([, text]) => {
    const { run, emulator } = await setUp();
    expect((await run(['batch', '-', '--csv'], { stdin: text })).code).toBe(0);
    expect(emulator.account.tasks[0]?.input).toMatchObject({ prompt: 'A fox, in snow', duration: 8 });
  });

  test('errors name row and column, at most ten of them, then a count', async () => {
    const { run, write, directory, emulator } = await setUp();
    mkdirSync(join(directory, 'folder.png'));
    writeFileSync(join(directory, 'a.png'), '');
    const file = write('videos.csv', [
      'key,model,prompt,image1,image2,duration,sound',
      'a,o1,fine,,,5,',
      'b,o2,x,,,,',
      'c,o1,,,,5,',
      'd,o1,x,,,30,',
      'e,o1,x,,,ten,',
      'f,o3-std,x,,,,maybe',
      'g,o1,x,,,,true',
      'h,o1,x,https://a.test/1.png,missing.png,,',
      'i,o1,x,folder.png,,,',
      'a,o1,x,,,,',
      'j,o1,x,,,,,surplus',
      ...Array.from({ length: 5 }, (_, index) => `k${index},o1,x,,,2,`),
    ]);
    const { code, stdout, stderr } = await run(['batch', file]);
    expect([code, stdout, emulator.requests.length]).toEqual([2, '', 0]);
    const listed = stderr.split('\n').filter((line) => line.startsWith('  '));
    expect(listed).toEqual([
      expect.stringMatching(/^ {2}- row 3, column model: got "o2"; expected/),
      expect.stringMatching(/^ {2}- row 4, column prompt: /),
      expect.stringMatching(/^ {2}- row 5, column duration: got 30/),
      expect.stringMatching(/^ {2}- row 6, column duration: got "ten"/),
      expect.stringMatching(/^ {2}- row 7, column sound: got "maybe"/),
      expect.stringMatching(/^ {2}- row 8, column sound: /),
      expect.stringMatching(/^ {2}- row 9, column image2: .*missing\.png: there is no such file/),
      expect.stringMatching(/^ {2}- row 10, column image1: .*folder\.png: not a file/),
      expect.stringMatching(/^ {2}- row 11, column key: "a" is the key of row 2 already/),
      expect.stringMatching(/^ {2}- row 12: cell 8 has no name in the header/),
      '  … and 5 more',
    ]);
  });

  test('files are checked by their content before the first row is sent', async () => {
    const { run, write, directory, emulator } = await setUp();
    writeFileSync(join(directory, 'empty.png'), '');
    writeFileSync(join(directory, 'text.jpg'), 'This is not an image, whatever its name says.');
    const file = write('videos.csv', [
      'model,prompt,images,video',
      `o1,good,${IMAGE},`,
      'o1,empty,empty.png,',
      `o1,text,${IMAGE}|text.jpg,`,
      `o1,an image as video,,${IMAGE}`,
    ]);
    const { code, stderr } = await run(['batch', file]);
    expect([code, emulator.requests.length]).toEqual([2, 0]);
    const listed = stderr.split('\n').filter((line) => line.startsWith('  '));
    expect(listed).toEqual([
      expect.stringMatching(/^ {2}- row 3, column images: "empty\.png" .*empty/),
      expect.stringMatching(/^ {2}- row 4, column images: "text\.jpg" /),
      expect.stringMatching(/^ {2}- row 5, column video: "front\.jpg" /),
    ]);
  });

  test.for([
    ['CSV under another name', 'videos.txt', 'model,prompt\no1,x', /not JSON Lines.*--csv/],
    ['JSON Lines named .csv', 'videos.csv', '{"model":"o1","prompt":"x"}', /is JSON and not CSV/],
    ['a JSON array', 'videos.json', '[\n{"model":"o1","prompt":"x"}\n]', /is a JSON array/],
    ['no column model', 'videos.csv', 'prompt,duration\nx,5', /has no column "model" in row 1/],
    ['a misspelt column', 'videos.csv', 'model,promt\no1,x', /a column "promt" in row 1.*"prompt"/],
    ['a column twice', 'videos.csv', 'model,prompt,prompt\no1,x,y', /"prompt" more than once/],
    ['only a header', 'videos.csv', 'model,prompt\n', /a header, but no other row/],
    ['an open quote', 'videos.csv', 'model,prompt\no1,"x', /is not valid CSV/],
    ['nothing', 'videos.csv', '\n', /is empty/],
  ] as const)('%s is refused in one sentence', async ([, name, text, message]) => {
    const { run, write, emulator } = await setUp();
    const { code, stdout, stderr } = await run(['batch', write(name, [text])]);
    expect([code, stdout, emulator.requests.length]).toEqual([2, '', 0]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('the same row has the same key in CSV and JSON Lines', async () => {
    const { run, write, submits } = await setUp();
    const journal = ['--journal', 'videos.journal'];
    const json = { prompt: 'x', model: 'o3-std', duration: 3, sound: true, images: [IMAGE] };
    await run(['batch', write('videos.jsonl', [json]), ...journal]);
    const csv = write('videos.csv', ['model,prompt,images,duration,sound', `o3-std,x,${IMAGE},3,1`]);
    expect([(await run(['batch', csv, ...journal])).code, submits()]).toEqual([0, 1]);
  });
});
