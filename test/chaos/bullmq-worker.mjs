// A worker process of the chaos test. Its lock, lease and timeouts are short, so that a freeze outlasts them.
// @ts-nocheck: what goes between processes has no types.
import { Redis } from 'ioredis';
import { WaveSpeedKling } from 'wavespeed-kling';
import { createKlingWorker, redisJournal } from 'wavespeed-kling/bullmq';
import { createRandom } from '../soak/random.mjs';

const { redisUrl, queueName, apiKey, baseUrl, concurrency, seed, clockMs, setClockMs } = JSON.parse(
  process.argv[2],
);
const random = createRandom(seed);
const tell = (name) => process.connected && process.send(name);

let aheadMs = clockMs;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [RealDate.now() + aheadMs] : args));
  }
  static now() {
    return RealDate.now() + aheadMs;
  }
};
process.on('SIGUSR2', () => {
  aheadMs = setClockMs;
  tell('clock set');
});

/** Loses some answers of `put`: it is repeated, so that it meets its own entry, or fails, before or after it was applied. */
function withPutFaults(journal) {
  const put = async (...args) => {
    if (!random.chance(0.03)) return journal.put(...args);
    const kind = random.pick(['put: repeated', 'put: failed after', 'put: failed before']);
    tell(kind);
    if (kind === 'put: failed before') throw new Error(kind);
    const result = await journal.put(...args);
    if (kind === 'put: failed after') throw new Error(kind);
    return typeof result === 'number' ? 'stale' : result;
  };
  return { ...journal, put };
}

const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
const client = new WaveSpeedKling({
  apiKey,
  baseUrl,
  journal: withPutFaults(redisJournal(redis, { prefix: queueName })),
  requestTimeoutMs: 2000,
  idempotency: { leaseMs: 1500, settleMs: 2500 },
  pollIntervalMs: 300,
});
const worker = createKlingWorker(queueName, client, {
  connection: redis,
  concurrency,
  whenAbsent: 'resubmit',
  lockDuration: 2000,
  stalledInterval: 1000,
});
worker.on('error', () => undefined);
process.once('disconnect', () => process.exit());
