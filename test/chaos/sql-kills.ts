/** Kills processes that share a journal in a database, in mid-submit and at random, and counts what was paid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sqlJournal } from '../../src/sql/index.js';
import { startEmulator } from '../../src/testing/index.js';
import { createTables, type TestDatabase } from '../sql/databases.js';

export interface SqlChaosOptions {
  /** The database, and how a process connects to it: a URL, or the path of a file. */
  database: TestDatabase;
  target: string;
  processes: number;
  /** Processes to kill; every fourth at any time, the others while their submit is in flight. */
  kills: number;
  keys: number;
  /** Different inputs: several keys share each. */
  prompts: number;
}

export interface SqlChaosReport {
  kills: number;
  /** Of them, between the arrival of a submit and its response. */
  killsInFlight: number;
  /** POSTs that the service received, and tasks that were paid for. */
  posts: number;
  tasks: number;
  /** Different tasks that the keys have in the end. */
  claimed: number;
  seconds: number;
  /** Exit codes and errors of processes that ended by themselves, and not well. */
  failures: string[];
}

export async function killProcesses(options: SqlChaosOptions): Promise<SqlChaosReport> {
  const { database, target, processes, kills, keys, prompts } = options;
  await createTables(database);
  const worker = await bundleWorker();
  const emulator = await startEmulator({ queueMs: 5, processingMs: 20, listLagMs: 100, balance: 1e6 });
  const failures: string[] = [];
  const children = new Map<string, ChildProcess>();
  const startedAt = performance.now();
  let killed = 0;
  let killsInFlight = 0;
  let started = 0;

  const kill = (name: string) => children.get(name)?.kill('SIGKILL') === true && ++killed > 0;
  emulator.fail({
    on: 'submit',
    kind: 'delay',
    ms: 30,
    times: Infinity,
    // The service has the submit, and its response has not been sent.
    matching: ({ headers }) => {
      const isTurn = killed < kills && Math.random() < 0.5;
      if (isTurn && kill(headers['x-client-name'] ?? '')) killsInFlight += 1;
      return true;
    },
  });

  /** Runs a process again and again until one has done every key. */
  const keepRunning = async () => {
    for (let isDone = false; !isDone && failures.length === 0;) {
      const name = `worker-${started++}`;
      const isByTime = started % 4 === 0 && killed < kills;
      isDone = await new Promise<boolean>((resolve) => {
        const args = [worker, target, emulator.url, name, String(keys), String(prompts)];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
        children.set(name, child);
        let errors = '';
        child.stderr.on('data', (text) => (errors += String(text)));
        const timer = isByTime ? setTimeout(() => kill(name), Math.random() * 1000) : undefined;
        child.once('exit', (code) => {
          clearTimeout(timer);
          children.delete(name);
          if (code !== null && code !== 0) failures.push(`exit ${code}: ${errors}`);
          resolve(code === 0);
        });
      });
    }
  };

  try {
    await Promise.all(Array.from({ length: processes }, keepRunning));
    const claimed = new Set<string>();
    const { query, dialect } = database;
    for await (const { entry } of sqlJournal(query, { dialect }).entries()) {
      if ('predictionId' in entry) claimed.add(entry.predictionId);
    }
    return {
      kills: killed,
      killsInFlight,
      posts: emulator.requestCount({ operation: 'submit' }),
      tasks: emulator.account.tasks.length,
      claimed: claimed.size,
      seconds: Math.round((performance.now() - startedAt) / 1000),
      failures,
    };
  } finally {
    for (const child of children.values()) child.kill('SIGKILL');
    await emulator.close();
    await rm(worker);
  }
}

/** Bundles the process once; its dependencies are found from there. */
async function bundleWorker(): Promise<string> {
  const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
  await mkdir(cache, { recursive: true });
  const outfile = join(cache, `sql-worker-${process.pid}-${started()}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL('sql-worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    alias: { 'wavespeed-kling/sql': fileURLToPath(new URL('../../src/sql/index.ts', import.meta.url)) },
    logLevel: 'warning',
  });
  return outfile;
}

let bundles = 0;
const started = () => bundles++;
