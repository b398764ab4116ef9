/** A process of the chaos runs: runs every key on a journal, a few at a time, until it is killed or done. It tells what it meets on stdout. */
import { createInterface } from 'node:readline';
import {
  fileJournal,
  type Journal,
  JournalError,
  KLING_O3_STD,
  SubmissionUnknownError,
  WaveSpeedError,
  WaveSpeedKling,
} from '../../src/index.js';
import { sqlJournal } from '../../src/sql/index.js';
import { createRandom } from '../soak/random.mjs';
import { openBetterSqlite, openPostgres } from '../sql/databases.js';
import { keyOf, promptOf, TIMES, type WorkerMessage, type WorkerSettings } from './settings.js';

const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings;
const random = createRandom(settings.seed);
const CONCURRENCY = 4;

const tell = (message: WorkerMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

let aheadMs = settings.clockMs;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args: [] | [number | string | Date]) {
    super(args.length === 0 ? RealDate.now() + aheadMs : args[0]);
  }
  static override now() {
    return RealDate.now() + aheadMs;
  }
} as DateConstructor;
process.on('SIGUSR2', () => {
  aheadMs = settings.setClockMs;
  tell({ event: 'clock set' });
});

/** Loses some answers of `put`: it is repeated, so that it meets its own entry, or fails, before or after it was applied. */
class PutFault extends Error {}
function withPutFaults(journal: Journal): Journal {
  const put: Journal['put'] = async (...args) => {
    if (!random.chance(settings.putFaults)) return journal.put(...args);
    const kind = random.pick(['put: repeated', 'put: failed after', 'put: failed before']);
    tell({ event: 'fault', kind });
    if (kind === 'put: failed before') throw new PutFault(kind);
    const result = await journal.put(...args);
    if (kind === 'put: failed after') throw new PutFault(kind);
    return typeof result === 'number' ? 'stale' : result;
  };
  return { ...journal, put };
}

function openJournal(target: string): { journal: Journal; close: () => unknown } {
  if (target.endsWith('.jsonl')) {
    const journal = fileJournal(target);
    return { journal, close: () => journal.close() };
  }
  const { query, dialect, close } = target.startsWith('postgres:')
    ? openPostgres(target)
    : openBetterSqlite(target);
  return { journal: sqlJournal(query, { dialect }), close };
}

const repairs: (() => void)[] = [];
createInterface({ input: process.stdin }).on('line', () => repairs.shift()?.());
/** Tells of a journal that cannot be used, and waits until the parent has repaired it. */
function repaired(message: string): Promise<void> {
  tell({ event: 'journal error', message });
  return new Promise((resolve) => repairs.push(resolve));
}

const { journal, close } = openJournal(settings.target);
const kling = new WaveSpeedKling({
  apiKey: 'chaos-key',
  baseUrl: settings.baseUrl,
  clientName: settings.name,
  journal: withPutFaults(journal),
  pollIntervalMs: 10,
  ...TIMES,
});

/** Calls again whenever an error says that this can help, or names the task. */
async function runKey(index: number): Promise<void> {
  const input = { prompt: promptOf(index, settings) };
  for (;;) {
    try {
      await kling.run(KLING_O3_STD, input, { idempotencyKey: keyOf(index), whenAbsent: 'resubmit' });
      return;
    } catch (error) {
      if (JournalError.isInstance(error)) {
        if (!(error.cause instanceof PutFault)) await repaired(error.message);
      } else if (SubmissionUnknownError.isInstance(error) && error.retry === 'never') {
        tell({ event: 'open', key: keyOf(index) });
        return;
      } else if (
        !WaveSpeedError.isInstance(error) ||
        (error.retry === 'never' && error.predictionId === undefined)
      ) {
        throw error;
      }
    }
  }
}

if (settings.hearsTime) await kling.balance();
// Each process begins elsewhere, so that they meet at every key at different steps.
let next = 0;
const first = settings.isAlone ? 0 : random.int(0, settings.keys - 1);
async function work(): Promise<void> {
  for (let turn = next++; turn < settings.keys; turn = next++) await runKey((first + turn) % settings.keys);
}
await Promise.all(Array.from({ length: CONCURRENCY }, work));
await kling.close();
await close();
process.stdin.destroy();
