/** Adds jobs to the queue: `node producer.mjs [number]`. */
import { Queue } from 'bullmq';
import { KLING_O1 } from 'wavespeed-kling';
import { addKling } from 'wavespeed-kling/bullmq';
import { QUEUE, redis } from './connections.mjs';

const queue = new Queue(QUEUE, { connection: redis });
for (let number = 1; number <= Number(process.argv[2] ?? 1); number++) {
  const input = { prompt: `A fox in the snow, take ${number}` };
  // An id of your own: adding the same order twice makes one video.
  await addKling(queue, { model: KLING_O1, input, options: { maxCost: 1 } }, { jobId: `order-${number}` });
}
await queue.close();
redis.disconnect();
