// Batches of the built command: checked before anything is sent, and paid for once.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseLines, setUp } from './support.js';

const tasks = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ model: 'o3-std', prompt: `Fox ${index}`, duration: 3 }));

describe.concurrent('a batch', () => {
  test('prints one JSON object per result, with key, id, cost and file', async () => {
    const { run, write, directory, emulator, submits } = await setUp();
    const file = write('batch.jsonl', [
      { key: 'fox', model: 'o1', prompt: 'A fox', images: ['https://example.com/a.png'] },
      '',
      { model: 'kwaivgi/kling-video-o3-std/reference-to-video', prompt: 'A hare', sound: true },
    ]);
    const { code, stdout, stderr } = await run(['batch', file, '-o', 'out']);
    expect([code, submits()]).toEqual([0, 2]);
    const results = parseLines(stdout).sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
    const idOf = (prompt: string) => emulator.account.tasks.find(({ input }) => input.prompt === prompt)?.id;
    const [fox, hare] = [idOf('A fox'), idOf('A hare')];
    expect(results).toMatchObject([
      {
        line: 1,
        key: 'fox',
        id: fox,
        status: 'completed',
        cost: 0.56,
        file: join(directory, 'out', 'fox.mp4'),
      },
      { line: 3, id: hare, status: 'completed', cost: 0.42, file: join(directory, 'out', `${hare}-1.mp4`) },
    ]);
    expect(existsSync(join(directory, 'out', 'fox.mp4'))).toBe(true);
    expect(stderr).toContain('2 done $0.98 · balance $99.02');
  });

  test('names every invalid line by its number, and sends nothing', async () => {
    const { run, write, emulator } = await setUp();
    const file = write('batch.jsonl', [
      { model: 'o1', prompt: 'good' },
      '{ not JSON',
      { model: 'o2', prompt: 'x' },
      { model: 'o1', promt: 'x' },
      '["an array"]',
      { key: 'twice', model: 'o1', prompt: 'x' },
      { key: 'twice', model: 'o1', prompt: 'y' },
      { model: 'o1', prompt: 'x', images: ['missing.png'] },
    ]);
    const { code, stdout, stderr } = await run(['batch', file]);
    expect([code, stdout, emulator.requests.length]).toEqual([2, '', 0]);
    const found = [...stderr.matchAll(/^ {2}- line (\d+): (.+)$/gm)].map((match) => [match[1], match[2]]);
    expect(found).toEqual([
      ['2', expect.stringMatching(/not JSON/)],
      ['3', expect.stringMatching(/^model: got "o2"; expected o1, o1-std, .* or a model's id/)],
      ['4', expect.stringMatching(/prompt/)],
      ['4', expect.stringMatching(/promt.*prompt/)],
      ['5', expect.stringMatching(/expected an object/)],
      ['7', expect.stringMatching(/"twice" is the key of line 6/)],
      ['8', expect.stringMatching(/missing\.png: there is no such file/)],
    ]);
  });

  test('text that is not UTF-8 is refused with its likely encoding, on stdin and in a file', async () => {
    const { run, directory, emulator } = await setUp();
    const bytes = Buffer.from('{"model":"o1","prompt":"Ein F\xFCchslein"}', 'latin1');
    writeFileSync(join(directory, 'batch.jsonl'), bytes);
    for (const given of [
      await run(['batch', 'batch.jsonl']),
      await run(['batch', '-'], { stdin: bytes }),
      await run(['run', 'o1', '-p', '-'], { stdin: bytes }),
    ]) {
      expect([given.code, given.stdout, emulator.requests.length]).toEqual([2, '', 0]);
      expect(given.stderr).toContain('Windows-1252');
    }
  });

  test('UTF-16 with a byte order mark is decoded', async () => {
    const { run, emulator } = await setUp();
    const text = '\uFEFF{"model":"o1","prompt":"Füchslein"}\r\n';
    expect((await run(['batch', '-'], { stdin: Buffer.from(text, 'utf16le') })).code).toBe(0);
    expect(emulator.account.tasks.map(({ input }) => input.prompt)).toEqual(['Füchslein']);
  });

  test('a member given twice in a line is refused: nothing is sent', async () => {
    const { run, write, emulator } = await setUp();
    const file = write('batch.jsonl', ['{"model":"o1","duration":3,"prompt":"x","duration":10}']);
    const { code, stderr } = await run(['batch', file]);
    expect([code, emulator.requests.length]).toEqual([2, 0]);
    expect(stderr).toContain('line 1: duration: given more than once');
  });

  test.for([
    ['over --max-cost', ['--max-cost', '0.5'], /\$0\.504.*\$0\.5/],
    ['--level and --per-minute together', ['--level', 'gold', '--per-minute', '3'], /give one of them/],
    ['an unknown level', ['--level', 'tin'], /bronze, silver, gold, ultra/],
  ] as const)('%s: nothing is sent', async ([, flags, message]) => {
    const { run, write, emulator } = await setUp();
    const { code, stdout, stderr } = await run(['batch', write('batch.jsonl', tasks(2)), ...flags]);
    expect([code, stdout, emulator.requests.length]).toEqual([2, '', 0]);
    expect(stderr).toMatch(message);
  });

  test('reads stdin, and keeps --concurrency', async () => {
    const { run, emulator } = await setUp({ concurrency: 1 });
    const stdin = tasks(3)
      .map((line) => JSON.stringify(line))
      .join('\r\n');
    const { code, stdout } = await run(['batch', '-', '--concurrency', '1'], { stdin });
    expect([code, parseLines(stdout).length]).toEqual([0, 3]);
    expect(emulator.requests.filter(({ status }) => status === 429)).toEqual([]);
  });

  test('one task that fails stops no other; exit code 1', async () => {
    const { run, write, emulator } = await setUp({ processingMs: 600_000 });
    const settle = setInterval(() => {
      for (const task of emulator.account.tasks) {
        if (task.input.prompt === 'Fox 1') task.fail('not allowed');
        else task.complete();
      }
    }, 50);
    const { code, stdout } = await run(['batch', write('batch.jsonl', tasks(3))]).finally(() =>
      clearInterval(settle),
    );
    expect(code).toBe(1);
    const statuses = parseLines(stdout).map(({ line, status }) => `${line ?? 0} ${status}`);
    expect(new Set(statuses)).toEqual(new Set(['1 completed', '2 failed', '3 completed']));
  });

  test('an unknown outcome outranks a failure in the exit code', async () => {
    const { run, write, emulator } = await setUp({ failWith: 'no' });
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true });
    const { code, stdout } = await run(['batch', write('batch.jsonl', tasks(2))]);
    expect(code).toBe(3);
    expect(new Set(parseLines(stdout).map(({ status }) => status))).toEqual(new Set(['failed', 'unknown']));
  });
});
