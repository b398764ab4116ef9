/** What the tests of idempotency keys share: clients as other processes would have them, and the mark of a process that died. */
import { createHash } from 'node:crypto';
import {
  type Journal,
  type JournalEntry,
  KLING_O3_STD,
  memoryJournal,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { type Emulator, startEmulator, type StartEmulatorOptions } from 'wavespeed-kling/testing';
import { onCleanup } from './cleanup.js';

export const INPUT = { prompt: 'A fox at the caf\u00e9' } as const;
/** As the service gets it. */
export const BODY = {
  ...INPUT,
  images: [],
  keep_original_sound: true,
  aspect_ratio: '16:9',
  duration: 5,
  sound: false,
};
export const KEY = { idempotencyKey: 'order-1' } as const;
/** Short enough to wait until an open submit is known to have no task. */
export const BRIEF = { requestTimeoutMs: 500, idempotency: { leaseMs: 600, settleMs: 100 } };

/** Starts an emulator that is closed when the test is over. */
export async function start(options: StartEmulatorOptions = {}): Promise<Emulator> {
  const emulator = await startEmulator({ queueMs: 0, processingMs: 0, ...options });
  onCleanup(() => emulator.close());
  return emulator;
}

/** A client as another process would have it: only the journal is shared. */
export function clientOf(emulator: Emulator, options: WaveSpeedKlingOptions = {}): WaveSpeedKling {
  const { apiKey, url: baseUrl } = emulator;
  const kling = new WaveSpeedKling({ apiKey, baseUrl, pollIntervalMs: 5, maxRetries: 0, ...options });
  onCleanup(() => kling.close());
  return kling;
}

export const submits = (emulator: Emulator) => emulator.requestCount({ operation: 'submit' });

export const sorted = (value: object) =>
  Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));

/** SHA-256 of JSON whose members are sorted. */
export const digestOf = (value: object) =>
  createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');

/** What every entry of a key has whose request is INPUT. */
export const requestOf = ({ url: origin }: Pick<Emulator, 'url'>) => ({
  fingerprint: digestOf({ input: sorted(BODY), model: KLING_O3_STD, origin }),
  model: KLING_O3_STD,
  origin,
  attempt: 1,
});

/** What a process leaves behind that died so long ago while it submitted. */
export const markOf = (service: Pick<Emulator, 'url'>, agoMs: number, fields: object = {}): JournalEntry => ({
  ...requestOf(service),
  state: 'sending',
  digest: digestOf(BODY),
  writer: 'a-process-that-died',
  markedAt: new Date(Date.now() - agoMs).toISOString(),
  sendBy: new Date(Date.now() - agoMs + 5000).toISOString(),
  ...fields,
});

export async function journalWith(
  entry: JournalEntry,
  key: string = KEY.idempotencyKey,
): Promise<Required<Journal>> {
  const journal = memoryJournal();
  await journal.put(key, entry);
  return journal;
}

export const entryOf = async (journal: Journal, key: string = KEY.idempotencyKey) =>
  (await journal.get(key))?.entry;
