/** Works off the queue until SIGTERM: then it returns its waiting jobs to the queue. */
import { createKlingWorker } from 'wavespeed-kling/bullmq';
import { createClient, QUEUE, redis } from './connections.mjs';

const client = createClient();
const worker = createKlingWorker(QUEUE, client, {
  connection: redis,
  concurrency: 20,
  // How soon another worker takes over from one that was killed. The default of BullMQ, 30 seconds, suits production.
  lockDuration: 4000,
  stalledInterval: 2000,
});
worker.on('error', (error) => console.error(error.message));

async function close() {
  await worker.close();
  await client.close();
  redis.disconnect();
}
process.once('SIGTERM', () => void close());
