/** Kills processes that share a file journal at their requests, and counts what was paid. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { fileJournal } from '../../src/index.js';
import { startEmulator } from '../../src/testing/index.js';

export interface ChaosOptions {
  /** Processes to kill. */
  kills: number;
  keys: number;
  /** Different inputs: several keys share each. */
  prompts: number;
}

export interface ChaosReport {
  /** Processes killed; less than asked for if the work was done before. */
  kills: number;
  /** Of them, while a POST was in flight. */
  killsInFlight: number;
  /** POSTs that the service received. */
  posts: number;
  /** Tasks that were paid for. */
  tasks: number;
  /** Different tasks that the keys have in the end. */
  claimed: number;
  /** Exit codes and errors of processes that ended by themselves, and not well. */
  failures: string[];
}

/** The request of a process at which it is killed. Most often with a POST in flight. */
type KillPoint = 'submit accepted' | 'submit lost' | 'poll' | 'search';
const KILL_POINTS: KillPoint[] = [
  'submit accepted',
  'submit lost',
  'submit accepted',
  'poll',
  'submit lost',
  'search',
];

/** Runs processes on one journal and kills them, then lets the last one finish. */
export async function killProcesses({ kills, keys, prompts }: ChaosOptions): Promise<ChaosReport> {
  const worker = await bundleWorker();
  const directory = await mkdtemp(join(tmpdir(), 'journal-chaos-'));
  const path = join(directory, 'journal.jsonl');
  const emulator = await startEmulator({ queueMs: 5, processingMs: 20, listLagMs: 100, balance: 1e6 });
  const report: ChaosReport = { kills: 0, killsInFlight: 0, posts: 0, tasks: 0, claimed: 0, failures: [] };
  /** Returns whether the request is held back, because its process was killed. */
  let onRequest: (at: KillPoint) => boolean = () => false;
  const held = { kind: 'hang', when: 'headers', times: Infinity } as const;
  for (const accepted of [true, false]) {
    const at: KillPoint = accepted ? 'submit accepted' : 'submit lost';
    emulator.fail({ on: 'submit', ...held, accepted, matching: () => onRequest(at) });
  }
  emulator.fail({ on: 'result', ...held, matching: () => onRequest('poll') });
  emulator.fail({ on: 'list', ...held, matching: () => onRequest('search') });

  /** Runs one process until it ends, or is killed at one of its requests: a slow machine changes nothing. */
  const runProcess = (killPoint: KillPoint | undefined) =>
    new Promise<boolean>((resolve) => {
      const child = spawn(process.execPath, [worker, path, emulator.url, String(keys), String(prompts)], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let errors = '';
      child.stderr.on('data', (text) => (errors += String(text)));
      let passing = Math.floor(Math.random() * 5);
      onRequest = (at) => {
        if (at !== killPoint || passing-- > 0 || !child.kill('SIGKILL')) return false;
        report.kills += 1;
        if (at.startsWith('submit')) report.killsInFlight += 1;
        // What still comes is of the same process.
        onRequest = (later) => later === at;
        return true;
      };
      child.once('exit', (code) => {
        onRequest = () => false;
        if (code !== null && code !== 0) report.failures.push(`exit ${code}: ${errors}`);
        resolve(code === 0);
      });
    });

  try {
    let isDone = false;
    for (let run = 0; report.kills < kills && !isDone && report.failures.length === 0; run++) {
      isDone = await runProcess(KILL_POINTS[run % KILL_POINTS.length]);
    }
    if (report.failures.length === 0) await runProcess(undefined);
    const journal = fileJournal(path);
    const claimed = new Set<string>();
    for await (const { entry } of journal.entries()) {
      if ('predictionId' in entry) claimed.add(entry.predictionId);
    }
    await journal.close();
    report.claimed = claimed.size;
    report.tasks = emulator.account.tasks.length;
    report.posts = emulator.requestCount({ operation: 'submit' });
    return report;
  } finally {
    await emulator.close();
    await rm(directory, { recursive: true });
    await rm(worker);
  }
}

/** Bundles the process once; its dependencies are found from there. */
async function bundleWorker(): Promise<string> {
  const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
  await mkdir(cache, { recursive: true });
  const outfile = join(cache, `journal-worker-${process.pid}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL('journal-worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  return outfile;
}
