// A real Redis for the tests: REDIS_URL, or a redis-server from the PATH on a free port. And a queue with its workers.
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Job, Queue, QueueEvents, type Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { WaveSpeedKling, type WaveSpeedKlingOptions } from 'wavespeed-kling';
import { createKlingWorker, type KlingWorkerOptions, redisJournal } from 'wavespeed-kling/bullmq';
import { type Emulator, startEmulator, type StartEmulatorOptions } from 'wavespeed-kling/testing';

/** Returns whether there is a Redis to test with, and prints how to get one where there is none. */
export function hasRedis(): boolean {
  if (process.env.REDIS_URL) return true;
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    const hint = 'these tests need REDIS_URL or redis-server (apt-get install redis-server)';
    if (process.env.CI) throw new Error(`In CI no test may be skipped: ${hint}.`);
    process.stderr.write(`Skipped: ${hint}.\n`);
    return false;
  }
}

/** Starts a Redis without persistence. */
export async function startRedis(): Promise<{ url: string; stop: () => void }> {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, stop: () => undefined };
  const port = await getFreePort();
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', () => reject(new Error('redis-server ended before it was ready')));
    server.stdout.on('data', (text: Buffer) => {
      if (text.includes('Ready to accept connections')) resolve();
    });
  });
  const stop = () => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

async function getFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A queue with an emulator, and everything that has to be closed. */
export class Bench {
  readonly name = `videos-${randomUUID()}`;
  readonly #cleanups: (() => unknown)[] = [];

  private constructor(
    readonly url: string,
    readonly emulator: Emulator,
  ) {}

  static async start(url: string, options: StartEmulatorOptions = {}): Promise<Bench> {
    const bench = new Bench(url, await startEmulator(options));
    bench.onClose(() => bench.emulator.close());
    return bench;
  }

  readonly queue = this.#lazy(() => {
    const queue = new Queue(this.name, { connection: this.connect() });
    // Each wait for a job listens.
    queue.setMaxListeners(0);
    this.onClose(() => queue.close());
    return queue;
  });

  readonly events = this.#lazy(() => {
    const events = new QueueEvents(this.name, { connection: this.connect() });
    this.onClose(() => events.close());
    return events;
  });

  connect(): Redis {
    const redis = new Redis(this.url, { maxRetriesPerRequest: null });
    this.onClose(() => redis.disconnect());
    return redis;
  }

  createClient(options: WaveSpeedKlingOptions = {}): WaveSpeedKling {
    const { apiKey, baseUrl } = this.emulator;
    const journal = redisJournal(this.connect(), { prefix: this.name });
    const client = new WaveSpeedKling({ apiKey, baseUrl, pollIntervalMs: 20, journal, ...options });
    this.onClose(() => client.close());
    return client;
  }

  /** Starts a worker with a client of its own, as on another machine. */
  startWorker(options: Partial<KlingWorkerOptions> = {}, client = this.createClient()): Worker {
    const worker = createKlingWorker(this.name, client, { connection: this.connect(), ...options });
    worker.on('error', () => undefined);
    this.onClose(() => worker.close());
    return worker;
  }

  /** Resolves with the return value of a job, rejects with its failure. */
  async finished(job: Job): Promise<Record<string, unknown>> {
    return job.waitUntilFinished(this.events());
  }

  get submits(): number {
    return this.emulator.requestCount({ operation: 'submit' });
  }

  onClose(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Closes everything, the last opened first. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }

  #lazy<T>(create: () => T): () => T {
    let value: T | undefined;
    return () => (value ??= create());
  }
}
