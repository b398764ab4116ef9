// A queue on a real Redis, its workers, and an emulator.
import { randomUUID } from 'node:crypto';
import { type Job, Queue, QueueEvents, type Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { WaveSpeedKling, type WaveSpeedKlingOptions } from 'wavespeed-kling';
import { createKlingWorker, type KlingWorkerOptions, redisJournal } from 'wavespeed-kling/bullmq';
import { type Emulator, startEmulator, type StartEmulatorOptions } from 'wavespeed-kling/testing';

/** Vitest's, with a time limit for a busy machine. */
export const waitFor = <T>(check: () => T | Promise<T>) => vi.waitFor(check);

export { hasRedis, startRedis } from './redis-server.mjs';

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
    // BullMQ's own `waitUntilFinished` misses an end between its look at the job and the first read of the events.
    const state = await vi.waitFor(
      async () => {
        const now = await job.getState();
        if (now !== 'completed' && now !== 'failed') throw new Error(`the job is ${now}`);
        return now;
      },
      { interval: 20 },
    );
    const ended = await this.queue().getJob(job.id ?? '');
    if (state === 'failed') throw new Error(ended?.failedReason);
    return ended?.returnvalue as Record<string, unknown>;
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
