// Several workers of one queue: jobs handed over at close, a 429 that holds all back, paced submits, webhook events.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  ConfigurationError,
  KLING_O1,
  KLING_V4,
  type Prediction,
  type WaveSpeedKling,
} from 'wavespeed-kling';
import { addKling, createKlingWorker, type KlingJobData, redisEvents } from 'wavespeed-kling/bullmq';
import { ManualClock, type StartEmulatorOptions } from 'wavespeed-kling/testing';
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { Bench, hasRedis, startRedis, waitFor } from './support.js';

const FOX: KlingJobData = { model: KLING_O1, input: { prompt: 'A fox in the snow' } };

/** Polls so rarely that only an event can end a wait. */
const NO_POLLS = 3_600_000;

describe.skipIf(!hasRedis())('workers of one queue', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let bench: Bench;
  const start = async (options: StartEmulatorOptions) => (bench = await Bench.start(server.url, options));
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(() => bench?.close());
  afterAll(() => server?.stop());

  test('hands 200 waits over at close, and another worker completes them without a new submit', async () => {
    const clock = new ManualClock();
    await start({ clock, balance: 1000 });
    const stalled = vi.fn();
    bench.events().on('stalled', stalled);
    const first = bench.startWorker({ concurrency: 200 });
    const queue = bench.queue();
    const jobs = await Promise.all(Array.from({ length: 200 }, () => addKling(queue, FOX)));
    await waitFor(() => expect(bench.emulator.account.tasks).toHaveLength(200));

    // The clock stands still: no task ends before this has returned.
    await first.close();
    expect(await queue.getJobCounts('active', 'waiting', 'failed')).toEqual({
      active: 0,
      waiting: 200,
      failed: 0,
    });
    clock.advance(60_000);
    bench.startWorker({ concurrency: 200 });
    const videos = await Promise.all(jobs.map((job) => bench.finished(job)));
    expect(new Set(videos.map(({ id }) => id)).size).toBe(200);
    expect(bench.submits).toBe(200);
    expect(stalled).not.toHaveBeenCalled();
    const { attemptsMade, stalledCounter } = (await queue.getJob(jobs[0]?.id ?? '')) ?? {};
    expect({ attemptsMade, stalledCounter }).toEqual({ attemptsMade: 1, stalledCounter: 0 });
  });

  test('hands a job over whose submit has no response yet, and the next worker continues its task', async () => {
    await start({ queueMs: 1, processingMs: 1 });
    bench.emulator.fail({ on: 'submit', kind: 'delay', ms: 500 });
    const first = bench.startWorker();
    const job = await addKling(bench.queue(), FOX);
    await waitFor(() => expect(bench.submits).toBe(1));
    await first.close();
    expect(await job.getState()).toBe('waiting');
    bench.startWorker();
    expect(await bench.finished(job)).toMatchObject({ status: 'completed' });
    expect(bench.submits).toBe(1);
  });

  test('a 429 holds back every worker as long as the service says, and counts as no attempt', async () => {
    await start({ queueMs: 1, processingMs: 1 });
    const headers = { 'retry-after': '1' };
    bench.emulator.fail({ on: 'submit', kind: 'status', status: 429, headers });
    bench.startWorker({ concurrency: 1 });
    const queue = bench.queue();
    const first = await addKling(queue, FOX, { attempts: 1 });
    // Of the pause alone: with a number of jobs it leaves out the limiter that never limits.
    await waitFor(async () => expect(await queue.getRateLimitTtl(1_000_000)).toBeGreaterThan(0));
    bench.startWorker({ concurrency: 1 });
    const second = await addKling(queue, FOX, { attempts: 1 });
    await Promise.all([bench.finished(first), bench.finished(second)]);
    const [rejected, ...others] = bench.emulator.requests.filter(({ operation }) => operation === 'submit');
    expect(others).toHaveLength(2);
    for (const { at } of others) expect(at - (rejected?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('submitsPerMinute spreads the submits of all workers over the minute', async () => {
    await start({ queueMs: 1, processingMs: 1 });
    const startedAt = Date.now();
    bench.startWorker({ submitsPerMinute: 150 });
    bench.startWorker({ submitsPerMinute: 150 });
    const jobs = await Promise.all(Array.from({ length: 5 }, () => addKling(bench.queue(), FOX)));
    await Promise.all(jobs.map((job) => bench.finished(job)));
    const submits = bench.emulator.requests.filter(({ operation }) => operation === 'submit');
    expect(submits).toHaveLength(5);
    for (const [index, { at }] of submits.entries())
      expect(at - startedAt).toBeGreaterThanOrEqual(index * 400 - 10);
  });

  test('submitsPerMinute does not hold back a job that has its task', async () => {
    const clock = new ManualClock();
    await start({ clock });
    const first = bench.startWorker({ submitsPerMinute: 1 });
    const job = await addKling(bench.queue(), FOX);
    await waitFor(async () =>
      expect((await bench.queue().getJob(job.id ?? ''))?.progress).toHaveProperty('id'),
    );
    await first.close();
    clock.advance(60_000);
    // The next start would be a minute later.
    bench.startWorker({ submitsPerMinute: 1 });
    expect(await bench.finished(job)).toMatchObject({ status: 'completed' });
    expect(bench.submits).toBe(1);
  });

  test('a webhook that another process receives ends the wait of a worker', async () => {
    await start({ queueMs: 20, processingMs: 50 });
    const { webhookSecret: secret } = bench.emulator;
    // The web server.
    const receiver = createWebhookReceiver({ secret, onEvent: redisEvents(bench.connect()).publish });
    const web = createServer((request, response) => void receiver.node(request, response)).listen(
      0,
      '127.0.0.1',
    );
    bench.onClose(() => web.close());
    await once(web, 'listening');
    const webhookUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
    // The worker.
    const webhookReceiver = redisEvents(bench.connect());
    bench.onClose(() => webhookReceiver.close());
    bench.startWorker({ webhookUrl, webhookReceiver, pollIntervalMs: NO_POLLS });
    const job = await addKling(bench.queue(), FOX);
    expect(await bench.finished(job)).toMatchObject({ status: 'completed' });
    expect(bench.emulator.requestCount({ operation: 'result' })).toBe(0);
    expect(bench.submits).toBe(1);
  });

  describe('redisEvents', () => {
    const event = (fields: Partial<Prediction>) =>
      ({ id: 't', status: 'completed', ...fields }) as Prediction;

    test('passes an event to those who subscribed before and after it, without its input', async () => {
      await start({});
      const [web, worker] = [redisEvents(bench.connect()), redisEvents(bench.connect())];
      bench.onClose(() => worker.close());
      const before = vi.fn();
      const other = vi.fn();
      worker.subscribe('t', before);
      worker.subscribe('other', other);
      await waitFor(async () => {
        await web.publish(event({ status: 'processing' }));
        expect(before).toHaveBeenCalledWith({ id: 't', status: 'processing' });
      });
      await web.publish(event({ input: { prompt: 'A fox' } }));
      await waitFor(() => expect(before).toHaveBeenLastCalledWith({ id: 't', status: 'completed' }));
      const after = vi.fn();
      worker.subscribe('t', after);
      await waitFor(() => expect(after).toHaveBeenCalledWith({ id: 't', status: 'completed' }));
      expect(other).not.toHaveBeenCalled();
    });

    test('ignores what another program publishes on the channel', async () => {
      await start({});
      const worker = redisEvents(bench.connect());
      bench.onClose(() => worker.close());
      const listener = vi.fn();
      worker.subscribe('t', listener);
      const redis = bench.connect();
      await waitFor(async () => {
        for (const text of ['not JSON', 'null', '[]']) await redis.publish('{wavespeed-kling}:events', text);
        await redisEvents(redis).publish(event({}));
        expect(listener).toHaveBeenCalled();
      });
      for (const [received] of listener.mock.calls)
        expect(received).toEqual({ id: 't', status: 'completed' });
    });
  });
});

describe('options', () => {
  const connection = { host: '127.0.0.1', port: 1 };
  const client = { run: () => undefined } as unknown as WaveSpeedKling;

  test.each<[string, object]>([
    ['connection', {}],
    ['submitsPerMinute', { connection, submitsPerMinute: 0 }],
    ['whenAbsent', { connection, whenAbsent: 'retry' }],
    ['timeoutMs', { connection, timeoutMs: '1' }],
    ['pollIntervalMs', { connection, pollIntervalMs: -1 }],
    ['maxCost', { connection, maxCost: '1' }],
    ['webhookUrl', { connection, webhookUrl: 'example' }],
    ['webhookUrl', { connection, webhookUrl: 'http://example.com/hook' }],
    ['webhookReceiver', { connection, webhookReceiver: {} }],
  ])('createKlingWorker rejects a bad %s before it takes a job', (name, options) => {
    const create = () => createKlingWorker('videos', client, options as never);
    expect(create).toThrow(ConfigurationError);
    expect(create).toThrow(`\`${name}\``);
  });

  test('createKlingWorker takes pollIntervalMs: 0, as run does', async () => {
    const worker = createKlingWorker('videos', client, {
      connection: { ...connection, lazyConnect: true },
      pollIntervalMs: 0,
      autorun: false,
    });
    worker.on('error', () => undefined);
    await worker.close();
  });

  test('createKlingWorker rejects what is no client', () => {
    expect(() => createKlingWorker('videos', {} as never, { connection })).toThrow(
      'expected a WaveSpeedKling',
    );
  });

  test('redisEvents rejects what is no client of ioredis, and a bad prefix', () => {
    expect(() => redisEvents({} as never)).toThrow('redisEvents: expected a client of ioredis');
    const redis = { eval: () => undefined, duplicate: () => undefined } as never;
    expect(() => redisEvents(redis, { prefix: '{a}' })).toThrow('`prefix`');
  });
});

describe('addKling', () => {
  test('rejects options that run would reject in the worker, and adds nothing', async () => {
    const add = vi.fn();
    const data = { model: KLING_O1, input: { prompt: 'A fox' } } as const;
    for (const options of [{ webhookUrl: 'http://example.com/hook' }, { maxCost: -1 }, { whenAbsent: 'x' }]) {
      const job = addKling({ name: 'videos', add } as never, { ...data, options } as never);
      await expect(job).rejects.toThrow(ConfigurationError);
    }
    expect(add).not.toHaveBeenCalled();
  });

  test('rejects an invalid request, and adds nothing', async () => {
    const add = vi.fn();
    const queue = { name: 'videos', add } as never;
    const file = new URL('file:///fox.png') as unknown as string;
    const local = { model: KLING_O1, input: { prompt: 'A fox', images: [file] } } as const;
    await expect(addKling(queue, local)).rejects.toThrow(
      'images: a job takes URLs only; upload local files first',
    );
    const audio = { model: KLING_V4, input: { prompt: 'A fox', audios: [file] } };
    await expect(addKling(queue, audio)).rejects.toThrow('audios: a job takes URLs only');
    await expect(addKling(queue, { model: KLING_O1, input: { prompt: '' } })).rejects.toThrow('prompt');
    expect(add).not.toHaveBeenCalled();
  });

  test('gives each job an id of its own, and ten attempts, unless they are set', async () => {
    const add = vi.fn();
    const queue = { name: 'videos', add } as never;
    await addKling(queue, FOX);
    await addKling(queue, FOX);
    await addKling(queue, FOX, { jobId: 'order-42', attempts: 1 });
    const ids = add.mock.calls.map(([, , options]) => options.jobId);
    expect(new Set(ids).size).toBe(3);
    expect(ids[2]).toBe('order-42');
    expect(add.mock.calls.map(([, , options]) => options.attempts)).toEqual([10, 10, 1]);
  });
});
