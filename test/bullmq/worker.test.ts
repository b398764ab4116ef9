// Workers on a real Redis: what a job sends, returns and fails with, and what a second attempt does.
import { Queue, QueueEvents } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { KLING_O1 } from 'wavespeed-kling';
import { addKling, type KlingJobData } from 'wavespeed-kling/bullmq';
import { ManualClock } from 'wavespeed-kling/testing';
import { referenceModel } from '../models/support.js';
import { Bench, hasRedis, startRedis, waitFor } from './support.js';

const FOX: KlingJobData = { model: KLING_O1, input: { prompt: 'A fox in the snow' } };

describe.skipIf(!hasRedis())('createKlingWorker', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let bench: Bench;
  const clock = new ManualClock();
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(async () => {
    bench = await Bench.start(server.url, { queueMs: 20, processingMs: 50 });
  });
  afterEach(() => bench.close());
  afterAll(() => server?.stop());

  /** A service whose tasks end when the clock is advanced. */
  async function holdTasks() {
    await bench.close();
    bench = await Bench.start(server.url, { clock });
  }

  test('returns the completed task as plain JSON, and shows its status and id as progress', async () => {
    const progress: unknown[] = [];
    bench.startWorker().on('progress', (_job, value) => progress.push(value));
    const job = await addKling(bench.queue(), FOX, { jobId: 'order-42' });
    const video = await bench.finished(job);
    const [task] = bench.emulator.account.tasks;
    expect(video).toMatchObject({ id: task?.id, status: 'completed', model: KLING_O1 });
    expect(video.outputs).toEqual([expect.stringContaining('http')]);
    expect(progress).toContainEqual({ status: 'created', id: task?.id });
    expect(progress.at(-1)).toEqual({ status: 'completed', id: task?.id });
    expect(bench.submits).toBe(1);
  });

  test.each<[string, unknown, string]>([
    ['an input that is not valid', { model: KLING_O1, input: { prompt: '' } }, 'prompt'],
    ['an unknown model', { model: 'kling-9', input: { prompt: 'A fox' } }, 'kling-9'],
    ['an option in the wrong place', { ...FOX, maxCost: 1 }, 'maxCost'],
    ['an unknown option', { ...FOX, options: { maxcost: 1 } }, 'maxcost'],
    ['an option that is not valid', { ...FOX, options: { timeoutMs: -1 } }, 'timeoutMs'],
    ['a cost over maxCost', { ...FOX, options: { maxCost: 0.1 } }, '0.56'],
    ['no data', undefined, 'expected one of'],
  ])('fails a job with %s at once, and sends nothing', async (_, data, message) => {
    bench.startWorker();
    const job = await bench.queue().add('video', data, { attempts: 5 });
    await expect(bench.finished(job)).rejects.toThrow(message);
    expect((await bench.queue().getJob(job.id ?? ''))?.attemptsMade).toBe(1);
    expect(bench.emulator.requests).toEqual([]);
  });

  test('fails a job whose id is too long for an idempotency key', async () => {
    bench.startWorker();
    const jobId = 'x'.repeat(300);
    const job = await bench.queue().add('video', FOX, { jobId, attempts: 5 });
    await expect(bench.finished(job)).rejects.toThrow('expected at most 255');
    await expect(addKling(bench.queue(), FOX, { jobId })).rejects.toThrow('expected at most 255');
    expect(bench.emulator.requests).toEqual([]);
  });

  test('continues the same task in the next attempt', async () => {
    await holdTasks();
    const failed = vi.fn(() => clock.advance(60_000));
    bench.startWorker().on('failed', failed);
    const options = { timeoutMs: 2000 };
    const job = await addKling(bench.queue(), { ...FOX, options }, { backoff: 0 });
    expect(await bench.finished(job)).toMatchObject({ status: 'completed' });
    expect(failed).toHaveBeenCalled();
    expect(bench.submits).toBe(1);
  });

  test('spends no attempt on a failed read of a task that was submitted before', async () => {
    await holdTasks();
    const first = bench.startWorker();
    const job = await addKling(bench.queue(), FOX, { attempts: 1 });
    const getProgress = async () => (await bench.queue().getJob(job.id ?? ''))?.progress;
    await waitFor(async () => expect(await getProgress()).toHaveProperty('id'));
    await first.close();
    bench.emulator.fail({ on: 'result', kind: 'status', status: 503, headers: { 'retry-after': '0' } });
    clock.advance(60_000);
    bench.startWorker();
    expect(await bench.finished(job)).toMatchObject({ status: 'completed' });
    expect(bench.submits).toBe(1);
  });

  test('returns the same task for a job that is added again after it was removed', async () => {
    bench.startWorker();
    const first = await addKling(bench.queue(), FOX, { jobId: 'order-42' });
    const video = await bench.finished(first);
    await first.remove();
    const second = await addKling(bench.queue(), FOX, { jobId: 'order-42' });
    // The journal keeps no inputs.
    const { input: _, ...kept } = video;
    expect(await bench.finished(second)).toEqual(kept);
    expect(bench.submits).toBe(1);
  });

  test('makes one video in each of two environments that share Redis and differ in `prefix`', async () => {
    const prefixes = ['production', 'staging'];
    const videos = prefixes.map(async (prefix) => {
      const queue = new Queue(bench.name, { connection: bench.connect(), prefix });
      const events = new QueueEvents(bench.name, { connection: bench.connect(), prefix });
      bench.onClose(() => Promise.all([queue.close(), events.close()]));
      bench.startWorker({ prefix });
      const job = await addKling(queue, FOX, { jobId: 'order-42' });
      return (await job.waitUntilFinished(events)) as { id: string };
    });
    const ids = (await Promise.all(videos)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    expect(bench.submits).toBe(2);
  });

  test('gives a job with an empty `jobId` a new UUID', async () => {
    const jobs = [
      await addKling(bench.queue(), FOX, { jobId: '' }),
      await addKling(bench.queue(), FOX, { jobId: '' }),
    ];
    for (const { id } of jobs) expect(id).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/);
    expect(jobs[0]?.id).not.toBe(jobs[1]?.id);
  });

  test('makes two tasks for two jobs with the same input', async () => {
    bench.startWorker();
    const jobs = [await addKling(bench.queue(), FOX), await addKling(bench.queue(), FOX)];
    const videos = await Promise.all(jobs.map((job) => bench.finished(job)));
    expect(new Set(videos.map(({ id }) => id)).size).toBe(2);
    expect(bench.submits).toBe(2);
  });

  test('fails a job for good when its task has failed, and never submits it again', async () => {
    await bench.close();
    bench = await Bench.start(server.url, { queueMs: 1, processingMs: 1, failWith: 'content refused' });
    bench.startWorker();
    const job = await addKling(bench.queue(), FOX);
    await expect(bench.finished(job)).rejects.toThrow('content refused');
    const stored = await bench.queue().getJob(job.id ?? '');
    expect(stored?.attemptsMade).toBe(1);
    await stored?.retry();
    await expect(bench.finished(job)).rejects.toThrow('content refused');
    expect(bench.submits).toBe(1);
  });

  test('fails a job for good when the service rejects its request', async () => {
    bench.emulator.fail({ on: 'submit', kind: 'status', status: 400 });
    bench.startWorker();
    const job = await addKling(bench.queue(), FOX);
    await expect(bench.finished(job)).rejects.toThrow('400');
    expect(bench.submits).toBe(1);
  });

  test('fails a job for good when the key is wrong', async () => {
    bench.emulator.fail({ on: 'submit', kind: 'status', status: 401 });
    bench.startWorker();
    const job = await addKling(bench.queue(), FOX);
    await expect(bench.finished(job)).rejects.toThrow('401');
    expect(bench.submits).toBe(1);
  });

  test('attempts a job again after an error that may pass, such as too little credit', async () => {
    bench.emulator.fail({ on: 'submit', kind: 'status', status: 402 });
    bench.startWorker();
    const job = await addKling(bench.queue(), FOX, { backoff: 0 });
    expect(await bench.finished(job)).toMatchObject({ status: 'completed' });
    expect(bench.submits).toBe(2);
  });

  test('makes the video of a model that the worker defines', async () => {
    const fast = referenceModel({
      id: 'kwaivgi/kling-video-o3-fast/reference-to-video',
      durations: [5],
      images: 7,
      imagesWithVideo: 4,
      sound: false,
      price: { images: 0.05, video: 0.1 },
    });
    await bench.close();
    bench = await Bench.start(server.url, { queueMs: 1, processingMs: 1, models: [fast] });
    bench.startWorker({ models: [fast] });
    const data = { model: fast.id, input: { prompt: 'A fox in the snow' } };
    await expect(addKling(bench.queue(), data)).rejects.toThrow('expected one of');
    const job = await addKling(bench.queue(), data, { models: [fast] });
    expect(await bench.finished(job)).toMatchObject({ status: 'completed', model: fast.id });
  });

  describe('with a submit whose outcome is open', () => {
    const fault = { on: 'submit', kind: 'reset', when: 'request' } as const;

    /** A service that shows no inputs: what is lost cannot be found. */
    async function startJob(accepted: boolean) {
      await bench.close();
      bench = await Bench.start(server.url, {
        queueMs: 1,
        processingMs: 1,
        listInputs: 'never',
        returnInput: false,
      });
      const idempotency = { leaseMs: 1000, settleMs: 1 };
      const client = bench.createClient({ idempotency, requestTimeoutMs: 1000 });
      bench.startWorker({}, client);
      bench.emulator.fail({ ...fault, accepted });
      const job = await addKling(bench.queue(), FOX, { jobId: 'order-42', attempts: 2, backoff: 0 });
      const key = `${bench.name}:order-42`;
      await expect(bench.finished(job)).rejects.toThrow(`kling.resolve("${key}", `);
      expect(bench.submits).toBe(1);
      return { client, key, job: (await bench.queue().getJob('order-42')) ?? job };
    }

    test('fails with what to do, and continues the task that it is resolved with', async () => {
      const { client, key, job } = await startJob(true);
      const [task] = bench.emulator.account.tasks;
      await client.resolve(key, task?.id ?? '');
      await job.retry('failed', { resetAttemptsMade: true });
      expect(await bench.finished(job)).toMatchObject({ id: task?.id, status: 'completed' });
      expect(bench.submits).toBe(1);
    });

    test('submits once more when it is resolved that there is no task', async () => {
      const { client, key, job } = await startJob(false);
      await client.resolve(key, null);
      await job.retry('failed', { resetAttemptsMade: true });
      expect(await bench.finished(job)).toMatchObject({ status: 'completed' });
      expect(bench.submits).toBe(2);
      expect(bench.emulator.account.tasks).toHaveLength(1);
    });
  });
});
