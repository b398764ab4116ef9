/** A process of the chaos test: runs every key on a journal in a database, a few at a time, until it is killed or done. */
import { KLING_O3_STD, WaveSpeedKling } from '../../src/index.js';
import { sqlJournal } from '../../src/sql/index.js';
import { openBetterSqlite, openPostgres } from '../sql/databases.js';

const [target = '', baseUrl = '', name = '', keys = '0', prompts = '1'] = process.argv.slice(2);
const CONCURRENCY = 4;

const database = target.startsWith('postgres:') ? openPostgres(target) : openBetterSqlite(target);
const { query, dialect } = database;
const kling = new WaveSpeedKling({
  apiKey: 'chaos-key',
  baseUrl,
  clientName: name,
  journal: sqlJournal(query, { dialect }),
  pollIntervalMs: 20,
  requestTimeoutMs: 2000,
  idempotency: { leaseMs: 1000, settleMs: 2000 },
});
// Each process begins elsewhere, so that they meet at every key at different steps.
const total = Number(keys);
const first = Math.floor(Math.random() * total);
let next = 0;
async function work(): Promise<void> {
  for (let turn = next++; turn < total; turn = next++) {
    const index = (first + turn) % total;
    const input = { prompt: `A fox, take ${index % Number(prompts)}` };
    await kling.run(KLING_O3_STD, input, { idempotencyKey: `key-${index}`, whenAbsent: 'resubmit' });
  }
}
await Promise.all(Array.from({ length: CONCURRENCY }, work));
await kling.close();
await database.close();
