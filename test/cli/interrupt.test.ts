// Ctrl-C and other signals at each phase of the built command: what was accepted is never lost.
import { describe, expect, test, vi } from 'vitest';
import type { Emulator } from 'wavespeed-kling/testing';
import { isWindows } from '../support/platform.js';
import { hasStack, IMAGE, parseLines, setUp } from './support.js';

const ID = /[0-9a-f]{32}/;

/** Resolves once the emulator has received a request of this kind. */
async function received(emulator: Emulator, operation: 'submit' | 'result' | 'output' | 'put' | 'list') {
  await vi.waitFor(() => expect(emulator.requestCount({ operation })).toBeGreaterThan(0));
}

describe.skipIf(isWindows).concurrent('run', () => {
  test('interrupted in an upload: nothing is submitted', async () => {
    const { start, emulator, submits } = await setUp();
    emulator.fail({ on: 'put', kind: 'hang', when: 'headers', times: Infinity });
    const { ended, kill } = start(['run', 'o1', '-p', 'x', '--image', IMAGE]);
    await received(emulator, 'put');
    kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect([code, stdout, submits()]).toEqual([130, '', 0]);
    expect(stderr).toContain('nothing was submitted');
  });

  test('interrupted in mid-submit: waits for the id', async () => {
    const { start, emulator, submits } = await setUp();
    emulator.fail({ on: 'submit', kind: 'delay', ms: 1500 });
    const { ended, kill } = start(['run', 'o1', '-p', 'x']);
    await received(emulator, 'submit');
    kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    const id = emulator.account.tasks[0]?.id;
    expect([code, stdout, submits()]).toEqual([130, '', 1]);
    expect(stderr).toContain('waiting for the id of the submit in flight');
    expect(stderr).toContain(`to resume: wavespeed-kling wait ${id} -o out`);
    expect(hasStack(stderr)).toBe(false);
  });

  test('interrupted in mid-submit, and no response comes: outcome unknown, with the candidates', async () => {
    const { start, emulator, submits } = await setUp();
    emulator.fail({ on: 'submit', kind: 'hang', when: 'headers', accepted: true });
    const { ended, kill } = start(['run', 'o1', '-p', 'x']);
    await received(emulator, 'submit');
    kill('SIGINT');
    const { code, stderr } = await ended;
    expect([code, submits()]).toEqual([3, 1]);
    expect(stderr).toContain(`To resume: wavespeed-kling wait ${emulator.account.tasks[0]?.id} -o out`);
  });

  test('interrupted twice in mid-submit: ends at once', async () => {
    const { start, emulator, submits } = await setUp();
    emulator.fail({ on: 'submit', kind: 'hang', when: 'headers' });
    const { ended, kill, shows } = start(['run', 'o1', '-p', 'x']);
    await received(emulator, 'submit');
    kill('SIGINT');
    await shows('stderr', /again to quit now/);
    const again = setInterval(() => kill('SIGINT'), 100);
    const { code, stderr } = await ended.finally(() => clearInterval(again));
    expect([code, submits()]).toEqual([130, 1]);
    expect(stderr).not.toContain('may or may not');
  });

  test('one Ctrl-C that npm passes on as a second signal still waits for the id', async () => {
    const { start, emulator } = await setUp();
    emulator.fail({ on: 'submit', kind: 'delay', ms: 1500 });
    const { ended, kill, shows } = start(['run', 'o1', '-p', 'x']);
    await received(emulator, 'submit');
    kill('SIGINT');
    await shows('stderr', /again to quit now/);
    kill('SIGINT');
    expect((await ended).stderr).toContain(`wavespeed-kling wait ${emulator.account.tasks[0]?.id}`);
  });

  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s in a wait: the id and the line that resumes it', async ([signal, expected]) => {
    const { start, emulator } = await setUp({ processingMs: 600_000 });
    const { ended, kill } = start(['run', 'o1', '-p', 'x', '--json']);
    await received(emulator, 'result');
    kill(signal);
    const { code, stdout, stderr } = await ended;
    const id = emulator.account.tasks[0]?.id;
    expect(code).toBe(expected);
    expect(stderr).toContain(`to resume: wavespeed-kling wait ${id} -o out`);
    expect(parseLines(stdout)).toMatchObject([{ id, error: { name: 'Interrupted' } }]);
  });

  test('interrupted in a download: the same line fetches it again', async () => {
    const { start, run, emulator, submits } = await setUp();
    emulator.fail({ on: 'output', kind: 'hang', when: 'body' });
    const { ended, kill } = start(['run', 'o1', '-p', 'x', '-o', 'out']);
    await received(emulator, 'output');
    kill('SIGINT');
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    const id = new RegExp(`to resume: wavespeed-kling wait (${ID.source}) -o out`).exec(stderr)?.[1] ?? '';
    const resumed = await run(['wait', id, '-o', 'out']);
    expect([resumed.code, resumed.stdout, submits()]).toEqual([0, expect.stringContaining(`${id}-1.mp4`), 1]);
  });
});

describe.skipIf(isWindows).concurrent('batch', () => {
  test('interrupted: nothing more is sent, and each accepted task is named with its id', async () => {
    const { start, emulator, write, submits } = await setUp({ processingMs: 600_000 });
    const file = write(
      'batch.jsonl',
      ['a', 'b', 'c'].map((key) => ({ key, model: 'o1', prompt: key })),
    );
    const { ended, kill } = start(['batch', file, '--concurrency', '2']);
    await vi.waitFor(() => expect(emulator.requestCount({ operation: 'result' })).toBeGreaterThan(1));
    kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect([code, submits()]).toEqual([130, 2]);
    const results = parseLines(stdout);
    expect(new Set(results.map(({ key }) => key))).toEqual(new Set(['a', 'b', 'c']));
    expect(results).toHaveLength(3);
    const ids = new Set(emulator.account.tasks.map(({ id }) => id));
    expect(new Set(results.map(({ id }) => id))).toEqual(new Set([...ids, undefined]));
    for (const id of ids) expect(stderr).toContain(`to resume: wavespeed-kling wait ${id} -o out`);
  });
});

test('a reader of stdout that goes away does not end a submit before its id is known', async () => {
  const { terminal, emulator, write, submits } = await setUp({ processingMs: 600_000 });
  const file = write(
    'batch.jsonl',
    ['a', 'b', 'c'].map((key) => ({ key, model: 'o1', prompt: key })),
  );
  emulator.fail({ on: 'submit', kind: 'delay', ms: 4000, after: 2 });
  const shell = '{ "$@" 2>err.txt; } | head -n 1; cat err.txt';
  const { ended, lines } = terminal(['batch', file, '--concurrency', '2'], { shell, columns: 300 });
  await vi.waitFor(() => expect(submits()).toBe(2));
  // The reader takes one result and goes; the next one is written while a submit is under way.
  emulator.account.tasks[0]?.complete();
  await vi.waitFor(() => expect(submits()).toBe(3));
  emulator.account.tasks[1]?.complete();
  await ended;
  expect(lines().join('\n')).toContain(`wavespeed-kling wait ${emulator.account.tasks[2]?.id}`);
});

test('list ends quietly when its reader goes away', async () => {
  const { terminal, emulator } = await setUp();
  for (let index = 0; index < 2000; index++) emulator.addTask();
  const shell = '"$@" 2>err.txt | head -n 1; wc -c <err.txt';
  const { ended, lines } = terminal(['list', '--limit', '2000'], { shell, columns: 300 });
  await ended;
  expect(lines().at(-1)?.trim()).toBe('0');
});
