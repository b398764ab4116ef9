/** A process of the chaos test: runs every key on a file journal, a few at a time, until it is killed or done. */
import { fileJournal, KLING_O3_STD, WaveSpeedKling } from '../../src/index.js';

const [path = '', baseUrl = '', keys = '0', prompts = '1'] = process.argv.slice(2);
const CONCURRENCY = 4;

const journal = fileJournal(path);
const kling = new WaveSpeedKling({
  apiKey: 'chaos-key',
  baseUrl,
  journal,
  pollIntervalMs: 10,
  requestTimeoutMs: 2000,
  idempotency: { leaseMs: 2000, settleMs: 1500 },
});
let next = 0;
async function work(): Promise<void> {
  for (let index = next++; index < Number(keys); index = next++) {
    const input = { prompt: `A fox, take ${index % Number(prompts)}` };
    await kling.run(KLING_O3_STD, input, { idempotencyKey: `key-${index}`, whenAbsent: 'resubmit' });
  }
}
await Promise.all(Array.from({ length: CONCURRENCY }, work));
await kling.close();
await journal.close();
