// The built command on a pseudo-terminal, read from the screen as a person does.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseLines, setUp } from './support.js';

const ESC = '\u001B';
const SPINNER = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/;

describe.concurrent('a terminal', () => {
  test('shows a live line with status, seconds and cost, and leaves the result and no trace of it', async () => {
    const { terminal, emulator } = await setUp({ processingMs: 600_000 });
    const { shows, ended, lines, raw } = terminal(['run', 'o3-std', '-p', 'x', '--duration', '8']);
    await shows(new RegExp(`^${SPINNER.source} o3-std +processing +\\d+s  \\$0\\.672$`));
    expect(lines().filter((line) => SPINNER.test(line))).toHaveLength(1);
    const [task] = emulator.account.tasks;
    task?.complete();
    expect(await ended).toBe(0);
    const screen = lines();
    expect(screen.at(-1)).toBe(`${emulator.url}/outputs/${task?.id}/1.mp4`);
    expect(screen.filter((line) => line.includes('outputs/'))).toHaveLength(1);
    expect(screen.some((line) => SPINNER.test(line))).toBe(false);
    expect(screen.filter((line) => line.startsWith('✔ o3-std'))).toHaveLength(1);
    // The cursor is shown again.
    expect(raw().lastIndexOf(`${ESC}[?25h`)).toBeGreaterThan(raw().lastIndexOf(`${ESC}[?25l`));
  });

  test('shows a line per running task of a batch and the totals, around the results', async () => {
    const { terminal, emulator, write } = await setUp({ processingMs: 600_000 });
    const file = write(
      'batch.jsonl',
      ['a', 'b', 'c'].map((key) => ({ key, model: 'o1', prompt: key })),
    );
    const { shows, ended, lines } = terminal(['batch', file, '--concurrency', '2'], { columns: 400 });
    await shows(/0 done, 0 failed, 2 running, 1 waiting · \d+s · \$1\.12/);
    expect(lines().filter((line) => SPINNER.test(line))).toHaveLength(2);
    emulator.account.tasks[0]?.fail('not allowed');
    emulator.account.tasks[1]?.complete();
    await shows(/1 done, 1 failed, 1 running, 0 waiting/);
    emulator.account.tasks[2]?.complete();
    expect(await ended).toBe(1);
    expect(lines().filter((line) => line.startsWith('{"line"'))).toHaveLength(3);
    expect(lines().some((line) => SPINNER.test(line) || /running/.test(line))).toBe(false);
    expect(lines().at(-2)).toMatch(/^✖ 2 done \$\d+\.\d\d · 1 failed .* · balance /);
  });

  test('shows a bar while a video is downloaded', async () => {
    const { terminal, emulator } = await setUp({ outputBytes: 2_000_000 });
    emulator.fail({ on: 'output', kind: 'drip', ms: 60 });
    const { shows, ended } = terminal(['run', 'o1', '-p', 'x', '-o', 'out']);
    await shows(/downloading +█+░* \d+%/);
    expect(await ended).toBe(0);
  });

  test('Ctrl-C names the task and gives the cursor back', async () => {
    const { terminal, emulator } = await setUp({ processingMs: 600_000 });
    const { shows, ended, lines, raw, type } = terminal(['run', 'o1', '-p', 'x']);
    await shows(/processing/);
    type('\u0003');
    expect(await ended).toBe(130);
    const id = emulator.account.tasks[0]?.id;
    expect(lines().join('')).toContain(`to resume: wavespeed-kling wait ${id} -o out`);
    expect(raw().lastIndexOf(`${ESC}[?25h`)).toBeGreaterThan(raw().lastIndexOf(`${ESC}[?25l`));
  });

  test('a live line fits a terminal that got narrower', async () => {
    const { terminal, emulator } = await setUp({ processingMs: 600_000 });
    const { shows, ended, lines, resize } = terminal(['run', 'o1', '-p', 'x']);
    await shows(/processing +\d+s {2}\$0\.56$/);
    resize(34, 24);
    await shows(new RegExp(`^${SPINNER.source} o1 +processing +\\d+s?$`));
    emulator.account.tasks[0]?.complete();
    expect(await ended).toBe(0);
    expect(lines().join('')).toContain(`/outputs/${emulator.account.tasks[0]?.id}/1.mp4`);
  });

  test('one of no size is drawn on as if it had the usual one', async () => {
    const { terminal, emulator } = await setUp({ processingMs: 600_000 });
    const shell = 'stty cols 0 rows 0; exec "$@"';
    const { shows, ended } = terminal(['run', 'o1', '-p', 'x'], { shell });
    await shows(/o1 +processing +\d+s {2}\$0\.56/);
    emulator.account.tasks[0]?.complete();
    expect(await ended).toBe(0);
  });

  test.for([
    ['TERM=dumb', { TERM: 'dumb' }],
    ['CI', { CI: 'true' }],
  ] as const)('with %s: one plain line per change, nothing is redrawn', async ([, env]) => {
    const { terminal } = await setUp();
    const { ended, raw } = terminal(['run', 'o1', '-p', 'x'], { env: { NO_COLOR: '1', ...env } });
    expect(await ended).toBe(0);
    expect(raw()).not.toContain(ESC);
    expect(raw()).toMatch(/^\d\d:\d\d:\d\d o1 submitting \$0\.56\r$/m);
  });

  test('with stderr in a file: the data alone is on the terminal', async () => {
    const { terminal, emulator, directory } = await setUp();
    const { ended, lines } = terminal(['run', 'o1', '-p', 'x'], { shell: '"$@" 2>err.txt' });
    expect(await ended).toBe(0);
    expect(lines().join('')).toBe(`${emulator.url}/outputs/${emulator.account.tasks[0]?.id}/1.mp4`);
    expect(readFileSync(join(directory, 'err.txt'), 'utf8')).not.toContain(ESC);
  });

  test('with stdout in a file: the progress is live, and the file holds the data alone', async () => {
    const { terminal, emulator, directory } = await setUp({ processingMs: 600_000 });
    const { shows, ended } = terminal(['run', 'o1', '-p', 'x', '--json'], { shell: '"$@" >out.txt' });
    await shows(new RegExp(`${SPINNER.source} o1 +processing`));
    emulator.account.tasks[0]?.complete();
    expect(await ended).toBe(0);
    expect(parseLines(readFileSync(join(directory, 'out.txt'), 'utf8'))).toMatchObject([
      { status: 'completed' },
    ]);
  });
});

describe.concurrent('colours', () => {
  test.for([
    ['on a terminal', {}, true],
    ['not with NO_COLOR', { NO_COLOR: '1' }, false],
    ['not with TERM=dumb', { TERM: 'dumb' }, false],
    ['not with FORCE_COLOR=0', { FORCE_COLOR: '0' }, false],
    ['FORCE_COLOR wins over NO_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ] as const)('%s', async ([, env, expected]) => {
    const { terminal } = await setUp();
    const { ended, raw } = terminal(['get', 'none'], { env });
    expect(await ended).toBe(1);
    expect(raw().includes(`${ESC}[31m`)).toBe(expected);
  });

  test('into a pipe: none, but with FORCE_COLOR; stdout never has any', async () => {
    const { run } = await setUp({ failWith: 'no' });
    const plain = await run(['run', 'o1', '-p', 'x']);
    expect(plain.stderr).not.toContain(ESC);
    const forced = await run(['run', 'o1', '-p', 'x', '--json'], { env: { FORCE_COLOR: '1' } });
    expect(forced.stderr).toContain(`${ESC}[31m`);
    expect(forced.stdout).not.toContain(ESC);
  });
});

test("the service's text cannot steer the terminal", async () => {
  const { run } = await setUp({ failWith: `bad${ESC}[2J${ESC}]0;title\u0007\u009B31mtext` });
  const { stderr } = await run(['run', 'o1', '-p', 'x']);
  expect(stderr).toContain('bad');
  expect(stderr).not.toMatch(/(?!\n)\p{Cc}/u);
});
