// `--journal` of the built command: what was paid for is not paid again, whatever happened to the process.
import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { IMAGE, parseLines, setUp } from './support.js';

const tasks = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ model: 'o3-std', prompt: `Fox ${index}`, duration: 3 }));

describe.concurrent('a batch with --journal', () => {
  test('killed and run again: pays only for what is missing', async () => {
    const { start, run, write, emulator } = await setUp({ processingMs: 600_000 });
    const file = write('batch.jsonl', tasks(6));
    const args = ['batch', file, '--journal', 'batch.journal', '--concurrency', '2', '-o', 'out'];
    const first = start(args);
    // Two tasks have ended, two more are accepted.
    await vi.waitFor(() => expect(emulator.account.tasks.length).toBe(2), { interval: 5 });
    for (const task of emulator.account.tasks) task.complete();
    await vi.waitFor(() => expect(emulator.account.tasks.length).toBe(4), { interval: 5 });
    await first.shows('stderr', new RegExp(`accepted.* wait ${emulator.account.tasks[3]?.id}`));
    first.kill('SIGKILL');
    await first.ended;

    const settle = setInterval(() => {
      for (const task of emulator.account.tasks) task.complete();
    }, 20);
    const second = await run(args);
    expect(second.code).toBe(0);
    const results = parseLines(second.stdout);
    expect(new Set(results.map(({ id }) => id)).size).toBe(6);
    for (const { file } of results) expect(existsSync(file ?? '')).toBe(true);
    expect(emulator.account.tasks.length).toBe(6);

    const third = await run(args).finally(() => clearInterval(settle));
    expect([third.code, emulator.account.tasks.length]).toEqual([0, 6]);
    const filesOf = (text: string) => new Set(parseLines(text).map((result) => result.file));
    expect(filesOf(third.stdout)).toEqual(filesOf(second.stdout));
  });

  test('run again with a file that has changed: says so, as the row has no key of its own', async () => {
    const { run, write, directory, submits } = await setUp();
    const image = join(directory, 'fox.jpg');
    const file = write('batch.jsonl', [{ model: 'o3-std', prompt: 'Fox', images: ['fox.jpg'] }]);
    const args = ['batch', file, '--journal', 'batch.journal'];
    copyFileSync(IMAGE, image);
    await run(args);
    appendFileSync(image, 'x');
    const { code, stderr } = await run(args);
    expect([code, submits()]).toEqual([2, 1]);
    expect(stderr).toMatch(
      /a file that it names has changed since; nothing was sent\. .* give the row a `key`/,
    );
    expect(stderr).not.toContain('idempotencyKey');
  });

  test('run again: prints the same path of a file that is named by its key', async () => {
    const { run, write, directory } = await setUp();
    const file = write('batch.jsonl', [{ key: 'fox', model: 'o3-std', prompt: 'Fox' }]);
    const args = ['batch', file, '--journal', 'batch.journal', '-o', 'out'];
    for (let time = 0; time < 2; time++) {
      const results = parseLines((await run(args)).stdout);
      expect(results.map((result) => result.file)).toEqual([join(directory, 'out', 'fox.mp4')]);
    }
  });

  test('leaves no lock behind, which the next container could not tell from that of a process that runs', async () => {
    const { run, write, directory } = await setUp();
    await run(['batch', write('batch.jsonl', tasks(1)), '--journal', 'batch.journal']);
    expect(readdirSync(directory).toSorted()).toEqual(['batch.journal', 'batch.jsonl']);
  });

  test('killed in mid-submit and run again: finds the task that was paid for', async () => {
    const { start, run, write, emulator, submits } = await setUp({ listInputs: 'inputs' });
    emulator.fail({ on: 'submit', kind: 'hang', when: 'headers', accepted: true });
    const args = ['batch', write('batch.jsonl', tasks(1)), '--journal', 'batch.journal'];
    const first = start(args);
    await vi.waitFor(() => expect(submits()).toBe(1));
    first.kill('SIGKILL');
    await first.ended;
    const { code, stdout } = await run(args);
    expect([code, submits()]).toEqual([0, 1]);
    expect(parseLines(stdout)).toMatchObject([{ id: emulator.account.tasks[0]?.id, status: 'completed' }]);
  });

  test('equal lines are tasks of their own, and a line keeps its key when others come before it', async () => {
    const { run, write, submits } = await setUp();
    const line = { model: 'o1', prompt: 'same' };
    const journal = ['--journal', 'batch.journal', '--allow-duplicates'];
    await run(['batch', write('batch.jsonl', [line, line]), ...journal]);
    expect(submits()).toBe(2);
    const more = [{ model: 'o1', prompt: 'new' }, line, line];
    const { code } = await run(['batch', write('batch.jsonl', more), ...journal]);
    expect([code, submits()]).toEqual([0, 3]);
  });

  test('a key with another input is a conflict: exit code 2, nothing is sent', async () => {
    const { run, write, submits, directory } = await setUp();
    const journal = ['--journal', 'batch.journal'];
    await run(['batch', write('batch.jsonl', [{ key: 'k', model: 'o1', prompt: 'one' }]), ...journal]);
    const { code, stdout } = await run([
      'batch',
      write('batch.jsonl', [{ key: 'k', model: 'o1', prompt: 'two' }]),
      ...journal,
    ]);
    expect([code, submits()]).toEqual([2, 1]);
    expect(parseLines(stdout)).toMatchObject([{ key: 'k', error: { name: 'IdempotencyConflictError' } }]);
    expect(readFileSync(join(directory, 'batch.journal'), 'utf8')).toContain('"k"');
  });

  test('run with a key gets the same task again', async () => {
    const { run, submits } = await setUp();
    const args = ['run', 'o1', '-p', 'x', '--idempotency-key', 'k', '--journal', 'run.journal'];
    const first = await run(args);
    const second = await run(args);
    expect([first.code, second.code, submits()]).toEqual([0, 0, 1]);
    expect(second.stdout).toBe(first.stdout);
  });

  test('resolve settles a key whose task the history does not show', async () => {
    const { run, submits, emulator } = await setUp({ listInputs: 'never', returnInput: false });
    emulator.fail({ on: 'submit', kind: 'reset', when: 'headers', accepted: true });
    const journal = ['--journal', 'run.journal'];
    const args = ['run', 'o1', '-p', 'x', '--idempotency-key', 'k', ...journal];
    const first = await run([...args, '--timeout', '20']);
    const id = emulator.account.tasks[0]?.id ?? '';
    expect(first.code).toBe(3);
    expect(first.stderr).toContain(id);
    expect(first.stderr).not.toContain('nothing was submitted');
    expect(first.stderr).toContain('wavespeed-kling resolve k <id or none> --journal run.journal');

    const resolved = await run(['resolve', 'k', id, ...journal]);
    expect([resolved.code, resolved.stdout]).toEqual([0, '']);
    expect(resolved.stderr).toContain(`waits for task ${id}`);
    expect((await run(['resolve', 'k', 'another', ...journal])).code).toBe(2);
    const second = await run([...args, '--json']);
    expect([second.code, submits()]).toEqual([0, 1]);
    expect(JSON.parse(second.stdout)).toMatchObject({ id, status: 'completed' });
  });

  test('resolve with none lets the key submit again', async () => {
    const { run, submits, emulator } = await setUp({ listInputs: 'never', returnInput: false });
    emulator.fail({ on: 'submit', kind: 'reset', when: 'headers', accepted: false });
    const journal = ['--journal', 'run.journal'];
    const args = ['run', 'o1', '-p', 'x', '--idempotency-key', 'k', ...journal];
    const lost = await run([...args, '--timeout', '20']);
    expect(lost.code).toBe(3);
    expect(lost.stderr).toMatch(/not decided before \d{4}-\S+Z: run the same command again after that/);
    const early = await run(['resolve', 'k', 'none', ...journal]);
    expect(early.code).toBe(2);
    expect(early.stderr).toMatch(/it is not certain before .* or add --force/);
    const resolved = await run(['resolve', 'k', 'none', '--force', ...journal]);
    expect(resolved.code).toBe(0);
    expect(resolved.stderr).toContain('submits it');
    expect([(await run(args)).code, submits(), emulator.account.tasks.length]).toEqual([0, 2, 1]);
  });

  test('resolve of a key that the journal does not have: exit code 2', async () => {
    const { run } = await setUp();
    const { code, stderr } = await run(['resolve', 'k', 'none', '--journal', 'empty.journal']);
    expect(code).toBe(2);
    expect(stderr).toContain('has no such key');
  });

  test('a journal that is none: exit code 2, nothing is sent', async () => {
    const { run, write, submits } = await setUp();
    const { code, stderr } = await run([
      'batch',
      write('batch.jsonl', tasks(1)),
      '--journal',
      write('notes.txt', ['these are notes', 'and more']),
    ]);
    expect([code, submits()]).toEqual([2, 0]);
    expect(stderr).toContain('notes.txt');
  });
});
