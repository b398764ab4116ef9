// Uses every entry that has an optional peer, with whatever version of it was installed.
import assert from 'node:assert/strict';
import { experimental_generateVideo as generateVideo } from 'ai';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { http } from 'msw';
import { setupServer } from 'msw/node';
import { Agent } from 'undici';
import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { createWaveSpeedKling } from 'wavespeed-kling/ai-sdk';
import { addKling, createKlingWorker, redisJournal } from 'wavespeed-kling/bullmq';
import { KLING_O1, parseInput } from 'wavespeed-kling/schemas';
import { createEmulator, emulatorHandlers } from 'wavespeed-kling/testing';
import { makeVideo } from './make-video.mjs';
import { hasRedis, startRedis } from './redis-server.mjs';

Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
assert.equal(parseInput(KLING_O1, { prompt: 'A fox' }).duration, 5);

const agent = new Agent();
await makeVideo(new WaveSpeedKling({ dispatcher: agent }));
await agent.close();

const client = new WaveSpeedKling({ pollIntervalMs: 10 });
const kling = createWaveSpeedKling({ client });
const { video } = await generateVideo({
  model: kling.video(KLING_O3_STD),
  prompt: 'A fox',
  duration: 3,
  download: kling.download,
});
assert.equal(video.mediaType, 'video/mp4');
await client.close();

const emulator = createEmulator({ queueMs: 1, processingMs: 1 });
const server = setupServer(...emulatorHandlers(emulator, { http }));
server.listen({ onUnhandledRequest: 'bypass' });
const mocked = new WaveSpeedKling({
  apiKey: emulator.apiKey,
  baseUrl: 'https://api.wavespeed.ai',
  fetch: globalThis.fetch,
});
assert.ok((await mocked.balance()) > 0);
server.close();

if (hasRedis()) {
  const { url, stop } = await startRedis();
  const connect = () => new Redis(url, { maxRetriesPerRequest: null });
  const connections = [connect(), connect(), connect(), connect()];
  const [journal, queueConnection, eventConnection, workerConnection] = connections;
  const queue = new Queue('videos', { connection: queueConnection });
  const events = new QueueEvents('videos', { connection: eventConnection });
  const jobs = new WaveSpeedKling({ journal: redisJournal(journal), pollIntervalMs: 10 });
  const worker = createKlingWorker('videos', jobs, { connection: workerConnection, submitsPerMinute: 600 });
  const data = { model: KLING_O3_STD, input: { prompt: 'A heron', duration: 3 } };
  const job = await addKling(queue, data, { jobId: 'order-42' });
  assert.equal((await job.waitUntilFinished(events, 60_000)).status, 'completed');
  await Promise.all([worker.close(), events.close(), queue.close(), jobs.close()]);
  for (const connection of connections) connection.disconnect();
  stop();
} else {
  await makeVideo(new WaveSpeedKling());
}
