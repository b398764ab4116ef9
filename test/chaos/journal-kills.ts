/** Kills processes that share a file journal at random moments, and counts what was paid. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
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

/** Runs processes on one journal and kills them, then lets the last one finish. */
export async function killProcesses({ kills, keys, prompts }: ChaosOptions): Promise<ChaosReport> {
  const worker = await bundleWorker();
  const directory = await mkdtemp(join(tmpdir(), 'journal-chaos-'));
  const path = join(directory, 'journal.jsonl');
  const emulator = await startEmulator({ queueMs: 5, processingMs: 20, listLagMs: 100, balance: 1e6 });
  const report: ChaosReport = { kills: 0, killsInFlight: 0, posts: 0, tasks: 0, claimed: 0, failures: [] };
  let onSubmit: () => void = () => undefined;
  const late = { on: 'submit', kind: 'delay', times: Infinity } as const;
  // Some responses take a while, so that processes die in between.
  for (const ms of [0, 15, 40]) {
    emulator.fail({ ...late, ms, matching: () => (onSubmit(), Math.random() < 0.5) });
  }

  /** Runs one process until it ends, or is killed. */
  const runProcess = (isKilled: boolean) =>
    new Promise<boolean>((resolve) => {
      const child = spawn(process.execPath, [worker, path, emulator.url, String(keys), String(prompts)], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let timer: NodeJS.Timeout | undefined;
      let isDoomed = false;
      let errors = '';
      child.stderr.on('data', (text) => (errors += String(text)));
      if (isKilled) {
        const isByTime = Math.random() < 0.3;
        const submitsBefore = Math.floor(Math.random() * 5);
        let submits = 0;
        const killIn = (ms: number, isInFlight: boolean) => {
          if (isDoomed) return;
          isDoomed = true;
          timer = setTimeout(() => {
            if (!child.kill('SIGKILL')) return;
            report.kills += 1;
            if (isInFlight) report.killsInFlight += 1;
          }, ms);
        };
        // Either at any time, or around a POST.
        if (isByTime) killIn(100 + Math.random() * 900, false);
        else onSubmit = () => void (submits++ >= submitsBefore && killIn(Math.random() * 50, true));
      }
      child.once('exit', (code) => {
        clearTimeout(timer);
        onSubmit = () => undefined;
        if (code !== null && code !== 0) report.failures.push(`exit ${code}: ${errors}`);
        resolve(code === 0);
      });
    });

  try {
    let isDone = false;
    while (report.kills < kills && !isDone && report.failures.length === 0) isDone = await runProcess(true);
    if (report.failures.length === 0) await runProcess(false);
    const entries = new Map<string, { predictionId?: string }>();
    for (const line of (await readFile(path, 'utf8')).split('\n').slice(0, -1)) {
      const { key, entry } = JSON.parse(line) as { key: string; entry: { predictionId?: string } };
      entries.set(key, entry);
    }
    report.claimed = new Set([...entries.values()].map(({ predictionId }) => predictionId)).size;
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
