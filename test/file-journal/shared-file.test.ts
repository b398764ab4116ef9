// Several processes on one journal file whose locks do not meet: PID namespaces, and a file that is mounted under a second path.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wavespeed-kling/testing';
import { OUTDATED } from '../support/journal-file.js';

const NAMESPACES = ['--pid', '--fork', '--mount-proc'];
const canUnshare = spawnSync('unshare', [...NAMESPACES, 'true']).status === 0;

/** A process with its commands and answers. */
class Worker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string, undefined>;

  constructor(command: string, args: string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no stdout');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(command: string): Promise<{ id?: string; error?: string; message?: string }> {
    this.#child.stdin?.write(`${command}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) expect.fail('the process ended');
    return JSON.parse(value) as { id?: string };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}

let bundle: string;
let directory: string;
let path: string;
let emulator: Emulator;
const workers: Worker[] = [];

beforeAll(async () => {
  const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
  await mkdir(cache, { recursive: true });
  bundle = join(cache, `shared-file-worker-${process.pid}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL('shared-file-worker.ts', import.meta.url))],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
});
afterAll(() => rm(bundle, { force: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'journal-'));
  path = join(directory, 'journal.jsonl');
  emulator = await startEmulator({ queueMs: 1, processingMs: 1 });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await emulator.close();
  await rm(directory, { recursive: true });
});

function startWorker(name: string, at: string, before: string[] = []): Worker {
  const [command, ...args] = [...before, process.execPath, bundle, at, emulator.url, name];
  const worker = new Worker(String(command), args);
  workers.push(worker);
  return worker;
}
const inNamespace = (name: string) => startWorker(name, path, ['unshare', ...NAMESPACES]);

/** Mounts the file under a second path for one process alone. */
async function startOnMount(name: string, second: string): Promise<Worker> {
  await writeFile(path, '', { flag: 'a' });
  await writeFile(second, '');
  const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
  const args = [path, second, process.execPath, bundle, second, emulator.url, name];
  const worker = new Worker('unshare', ['--mount', 'sh', '-c', script, ...args]);
  workers.push(worker);
  return worker;
}

const submits = (key: string) =>
  emulator.requests.filter(
    ({ operation, body }) => operation === 'submit' && (body as { prompt?: string }).prompt === key,
  ).length;

describe.skipIf(!canUnshare)('two processes on one journal file that cannot see each other', () => {
  test('pay once for a key in two PID namespaces', async () => {
    const one = inNamespace('one');
    expect(await one.ask('open')).toHaveProperty('id');
    // Started later: the lock takes two that start in the same tick for one process.
    const two = inNamespace('two');
    expect(await two.ask('open')).toMatchObject({ id: expect.any(String) });
    const first = await one.ask('run order-42');
    expect(first.error).toBe('JournalError');
    expect(submits('order-42')).toBe(0);
    // The next call opens the file again, and is alone until the other process writes.
    const { id } = await one.ask('run order-42');
    expect(id).toBeTypeOf('string');
    expect((await two.ask('run order-43')).error).toBe('JournalError');
    expect(await two.ask('run order-42')).toEqual({ id });
    expect(submits('order-42')).toBe(1);
  });

  test('pay at most once for a key that both ask for at the same time', async () => {
    const [one, two] = [inNamespace('one'), inNamespace('two')];
    await one.ask('open');
    await two.ask('open');
    for (let round = 0; round < 10; round++) {
      await Promise.all([one.ask(`run order-${round}`), two.ask(`run order-${round}`)]);
      expect(submits(`order-${round}`)).toBeLessThanOrEqual(1);
    }
  });

  test('pay once for a key through a mounted file, also after one of them has rewritten it', async () => {
    await writeFile(path, OUTDATED);
    const { ino } = await stat(path);
    const second = join(directory, 'mounted.jsonl');
    const one = await startOnMount('one', second);
    const answer = await one.ask('open');
    expect(answer).toHaveProperty('id');
    // Rewritten, in the same place.
    expect((await readFile(path, 'utf8')).split('\n').length).toBeLessThan(20);
    expect((await stat(path)).ino).toBe(ino);

    const two = startWorker('two', path);
    await two.ask('open');
    expect((await one.ask('run order-42')).error).toBe('JournalError');
    const { id } = await one.ask('run order-42');
    expect((await two.ask('run order-43')).error).toBe('JournalError');
    expect(await two.ask('run order-42')).toEqual({ id });
    expect(submits('order-42')).toBe(1);
  });

  test('notice that the other path of a mounted file was given another file', async () => {
    const one = await startOnMount('one', join(directory, 'mounted.jsonl'));
    await writeFile(path, '', { flag: 'a' });
    await one.ask('open');
    await rm(path);
    expect((await one.ask('run order-42')).error).toBe('JournalError');
    expect(submits('order-42')).toBe(0);
  });
});
