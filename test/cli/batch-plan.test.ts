// What a batch finds out before it sends the first row: duplicates, price, balance, names, the journal.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KLING_V4, WaveSpeedKling } from '../../src/index.js';
import { safeFileName } from '../../src/cli/file-names.js';
import { isWindows } from '../support/platform.js';
import { type Ended, IMAGE, parseLines, setUp } from './support.js';

const tasks = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    key: `fox-${index}`,
    model: 'o3-std',
    prompt: `Fox ${index}`,
    duration: 3,
  }));

const lastLines = ({ stderr }: Ended, count: number) => stderr.trim().split('\n').slice(-count);

describe.concurrent('money', () => {
  test('a balance that does not cover the batch: exit code 4, nothing is sent, unless it is ignored', async () => {
    const { run, write, submits } = await setUp({ balance: 0.5 });
    const file = write('batch.jsonl', tasks(2));
    const { code, stdout, stderr } = await run(['batch', file]);
    expect([code, stdout, submits()]).toEqual([4, '', 0]);
    expect(stderr).toMatch(/cost \$0\.504.*balance is \$0\.5;.*--ignore-balance/);
    await run(['batch', file, '--ignore-balance']);
    expect(submits()).toBeGreaterThan(0);
  });

  test('--max-cost counts what this run would add, and a finished journal costs nothing', async () => {
    const { run, write, submits } = await setUp({ balance: 0.8 });
    const journal = ['--journal', 'batch.journal', '--max-cost', '0.6'];
    expect((await run(['batch', write('two.jsonl', tasks(2)), ...journal])).code).toBe(0);
    const again = await run(['batch', write('two.jsonl', tasks(2)), ...journal]);
    expect([again.code, submits()]).toEqual([0, 2]);
    expect(again.stderr).toContain('2 rows, all in the journal already: this run costs nothing.');
    const more = await run(['batch', write('three.jsonl', tasks(3)), ...journal]);
    expect([more.code, submits()]).toEqual([0, 3]);
    expect(more.stderr).toContain('2 of 3 rows are in the journal already; 1 task, $0.252 at most.');
    const over = await run(['batch', write('six.jsonl', tasks(6)), ...journal]);
    expect([over.code, submits()]).toEqual([2, 3]);
    expect(over.stderr).toContain('would cost $0.756, over --max-cost $0.6');
  });

  test('a price that only the service knows is asked once per distinct input, before the first row is sent, and counted', async () => {
    const { run, write, emulator, submits } = await setUp();
    const input = { prompt: 'A fox', duration: 5, resolution: '1080p' } as const;
    const v4 = { model: 'v4', ...input };
    const kling = new WaveSpeedKling({ baseUrl: emulator.url, apiKey: 'any' });
    const { discounted_price: price } = await kling.quote(KLING_V4, input);
    const file = write('batch.jsonl', [
      { ...v4, key: 'a' },
      { ...v4, key: 'b' },
      { key: 'c', model: 'o1', prompt: 'A hare' },
    ]);
    const sum = Number((2 * price + 0.56).toFixed(4));
    const before = emulator.requestCount({ operation: 'price' });
    const over = await run(['batch', file, '--max-cost', String(sum - 0.01)]);
    expect([over.code, submits()]).toEqual([2, 0]);
    expect(over.stderr).toContain(`would cost $${sum}, over --max-cost`);
    expect(emulator.requestCount({ operation: 'price' }) - before).toBe(1);

    emulator.account.balance = sum - 0.01;
    const poor = await run(['batch', file]);
    expect([poor.code, submits()]).toEqual([4, 0]);
    expect(poor.stderr).toContain(`would cost $${sum}, and the balance is`);

    emulator.account.balance = 100;
    const { code, stdout, stderr } = await run(['batch', file, '--max-cost', String(sum)]);
    expect([code, submits()]).toEqual([0, 3]);
    expect(stderr).toContain(`3 tasks, $${sum} at most.`);
    expect(stderr).toContain(`3 done $${sum.toFixed(2)} · balance`);
    expect(parseLines(stdout)).toContainEqual(expect.objectContaining({ key: 'a', cost: price }));
  });

  test('a price that cannot be had is said so, with the line, and not counted as $0', async () => {
    const { run, write, emulator, submits } = await setUp();
    const v4 = { model: 'v4', prompt: 'A fox', resolution: '1080p' };
    const local = write('local.jsonl', [
      { ...v4, images: [IMAGE] },
      { model: 'o1', prompt: 'A hare' },
    ]);
    const ended = await run(['batch', local]);
    expect([ended.code, submits()]).toEqual([0, 2]);
    expect(emulator.requestCount({ operation: 'price' })).toBe(0);
    expect(ended.stderr).toContain(
      'The price of 1 row (line 1) is not counted here: only the service knows it, once its local files are uploaded.',
    );
    expect(ended.stderr).toContain('2 tasks, at least $0.56.');
    expect(ended.stderr).toContain('2 done $0.56 + 1 of unknown price');

    emulator.fail({
      on: 'price',
      kind: 'status',
      status: 400,
      body: { code: 400, message: 'no price today' },
      times: Infinity,
    });
    const refused = await run(['batch', write('urls.jsonl', [v4])]);
    expect(refused.code).toBe(0);
    expect(refused.stderr).toMatch(
      /price of 1 row \(line 1\) is not counted here: the service did not tell it \(.*no price today/,
    );
    expect(refused.stderr).toContain('1 task, at least $0.');
  });

  test('equal rows without keys are named and refused, unless they are allowed', async () => {
    const { run, write, emulator } = await setUp();
    const file = write('batch.jsonl', [
      { model: 'o1', prompt: 'same' },
      { key: 'a', model: 'o1', prompt: 'same' },
      { prompt: 'same', duration: 5, model: 'o1' },
      { key: 'b', model: 'o1', prompt: 'same' },
    ]);
    const { code, stderr } = await run(['batch', file]);
    expect([code, emulator.requests.length]).toEqual([2, 0]);
    expect(stderr).toContain('line 3: equal to line 1, and without a key');
    expect((await run(['batch', file, '--allow-duplicates'])).code).toBe(0);
    expect(emulator.account.tasks).toHaveLength(4);
  });

  test('a key that the journal has with another model is refused before another row is sent', async () => {
    const { run, write, submits } = await setUp();
    const journal = ['--journal', 'batch.journal'];
    expect((await run(['batch', write('one.jsonl', tasks(1)), ...journal])).code).toBe(0);
    const rows = [
      { key: 'new', model: 'o1', prompt: 'A hare' },
      { key: 'fox-0', model: 'o1', prompt: 'Fox 0' },
    ];
    const { code, stdout, stderr } = await run(['batch', write('two.jsonl', rows), ...journal]);
    expect([code, stdout, submits()]).toEqual([2, '', 1]);
    expect(stderr).toContain('The key "fox-0" of line 2 was used before with another model');
  });

  test('a journal that another process has is one message: exit code 2, nothing is sent', async () => {
    const { start, run, write, submits } = await setUp({ processingMs: 600_000 });
    const args = ['batch', write('batch.jsonl', tasks(5)), '--journal', 'batch.journal'];
    const first = start(args);
    await first.shows('stderr', /(accepted[^]*){5}/);
    const second = await run(args);
    expect([second.code, second.stdout]).toEqual([2, '']);
    expect(second.stderr.match(/in use by process/g)).toHaveLength(1);
    expect(submits()).toBe(5);
    first.kill('SIGKILL');
    await first.ended;
  });
});

describe.concurrent('the end of a batch', () => {
  test('sums up what was done, what failed and what is left, and names the command that goes on', async () => {
    const { run, write, emulator } = await setUp({ processingMs: 600_000 });
    const settle = setInterval(() => {
      for (const task of emulator.account.tasks) {
        if (task.input.prompt === 'Fox 1') task.fail('not allowed');
        else task.complete();
      }
    }, 20);
    const file = write('batch.jsonl', tasks(3));
    const args = ['batch', file, '--journal', 'batch.journal', '--max-cost', '5'];
    const failed = await run(args);
    expect(failed.code).toBe(1);
    expect(lastLines(failed, 2)).toEqual([
      '✖ 2 done $0.50 · 1 failed $0.25 (refunded within 3 h) · balance $99.24',
      `→ to retry the failed rows: wavespeed-kling ${args.join(' ')} --retry-failed`,
    ]);

    const same = await run(args);
    expect([same.code, emulator.account.tasks.length]).toEqual([1, 3]);

    const retried = await run([...args, '--retry-failed']);
    expect([retried.code, emulator.account.tasks.length]).toEqual([1, 4]);
    expect(parseLines(retried.stdout)).toContainEqual(
      expect.objectContaining({ key: 'fox-1', attempt: 2, status: 'failed' }),
    );
    clearInterval(settle);

    const complete = setInterval(() => {
      for (const task of emulator.account.tasks) if (task.status !== 'failed') task.complete();
    }, 20);
    const third = await run([...args, '--retry-failed']);
    expect([third.code, emulator.account.tasks.length]).toEqual([0, 5]);
    const once = await run(args).finally(() => clearInterval(complete));
    expect([once.code, emulator.account.tasks.length]).toEqual([0, 5]);
    expect(lastLines(once, 1)).toEqual([expect.stringContaining('3 done $0.76 · balance $98.74')]);
  });

  test.skipIf(isWindows)('Ctrl-C says once that it was interrupted, and once how to go on', async () => {
    const { start, write, emulator, submits } = await setUp({ processingMs: 600_000 });
    const args = ['batch', write('batch.jsonl', tasks(20)), '--journal', 'b.journal', '--concurrency', '8'];
    const { ended, kill, shows } = start(args);
    await shows('stderr', /(accepted[^]*){8}/);
    kill('SIGINT');
    const result = await ended;
    expect([result.code, submits()]).toEqual([130, 8]);
    const after = result.stderr.slice(result.stderr.indexOf('Interrupted')).trim().split('\n');
    expect(after).toEqual([
      expect.stringMatching(/^Interrupted: no new requests/),
      '✖ 0 done $0.00 · 8 running $2.02 · 12 not submitted',
      `→ to continue: wavespeed-kling ${args.join(' ')}`,
    ]);
    expect(parseLines(result.stdout)).toHaveLength(20);
    expect(emulator.account.tasks).toHaveLength(8);
  });

  test.skipIf(isWindows)('without a journal, one line resumes all that runs', async () => {
    const { start, write, emulator } = await setUp({ processingMs: 600_000 });
    const { ended, kill, shows } = start(['batch', write('batch.jsonl', tasks(3)), '-o', 'out']);
    await shows('stderr', /(accepted[^]*){3}/);
    kill('SIGINT');
    const [line = ''] = lastLines(await ended, 1);
    expect(line).toMatch(/^→ to resume: wavespeed-kling wait \w+ \w+ \w+ -o out$/);
    for (const { id } of emulator.account.tasks) expect(line).toContain(id);
  });
});

describe.concurrent('names of files', () => {
  test('are the keys by default, and what --name says', async () => {
    const { run, write, directory, emulator } = await setUp();
    const rows = [
      { key: 'a/b: Füchse?', model: 'o1', prompt: '1' },
      { model: 'o1', prompt: '2' },
    ];
    await run(['batch', write('batch.jsonl', rows), '-o', 'out']);
    const id = emulator.account.tasks.find(({ input }) => input.prompt === '2')?.id;
    expect(new Set(readdirSync(join(directory, 'out')))).toEqual(
      new Set(['a_b_ Füchse_.mp4', `${id}-1.mp4`]),
    );
    await run(['batch', write('batch.jsonl', rows), '-o', 'named', '--name', 'row-{line}-{n}']);
    expect(new Set(readdirSync(join(directory, 'named')))).toEqual(new Set(['row-1-1.mp4', 'row-2-1.mp4']));
  });

  test.for([
    ['names that clash', ['--name', 'same'], /lines 1 and 2 would both make the file "same"/],
    ['an unknown placeholder', ['--name', '{keys}'], /\{keys\} is unknown; expected.*\{key\}/],
    ['a directory', ['--name', '../{key}'], /expected a file name/],
    ['--name without --output', ['--name', '{key}'], /--name needs --output/],
  ] as const)('%s: refused before anything is sent', async ([reason, flags, message]) => {
    const { run, write, submits } = await setUp();
    const output = reason.includes('without') ? [] : ['-o', 'out'];
    const { code, stderr } = await run(['batch', write('batch.jsonl', tasks(2)), ...output, ...flags]);
    expect([code, submits()]).toEqual([2, 0]);
    expect(stderr).toMatch(message);
  });

  test('keys whose files differ only in case clash', async () => {
    const { run, write, submits } = await setUp();
    const rows = ['Fox', 'fox'].map((key) => ({ key, model: 'o1', prompt: key }));
    const { code, stderr } = await run(['batch', write('batch.jsonl', rows), '-o', 'out']);
    expect([code, submits()]).toEqual([2, 0]);
    expect(stderr).toContain('would both make');
  });

  test('a row that would be paid does not replace a file; one of the journal keeps its file', async () => {
    const { run, write, directory, emulator, submits } = await setUp();
    const file = write('batch.jsonl', tasks(1));
    const journal = ['--journal', 'batch.journal', '-o', 'out'];
    await run(['batch', file, ...journal]);
    const downloads = emulator.requestCount({ operation: 'output' });
    expect(existsSync(join(directory, 'out', 'fox-0.mp4'))).toBe(true);
    expect((await run(['batch', file, ...journal])).code).toBe(0);
    expect(emulator.requestCount({ operation: 'output' })).toBe(downloads);
    writeFileSync(join(directory, 'fox-0.mov'), 'mine');
    const refused = await run(['batch', file, '-o', '.']);
    expect([refused.code, submits()]).toEqual([2, 1]);
    expect(refused.stderr).toContain('A file "fox-0" is in . already');
  });
});

describe('safeFileName', () => {
  test.each([
    ['a/b\\c:d', 'a_b_c_d'],
    ['../../etc', '__.._etc'],
    ['..', '_'],
    ['CON', '_CON'],
    ['com1.txt', '_com1.txt'],
    ['COM¹', '_COM¹'],
    ['nul .mp4', '_nul .mp4'],
    ['conin$', '_conin$'],
    ['trailing. ', 'trailing'],
    ['line\nbreak\0', 'line_break_'],
    ['', '_'],
    ['狐'.repeat(100), '狐'.repeat(66)],
  ])('makes %j safe', (text, name) => {
    expect(safeFileName(text)).toBe(name);
  });
});
