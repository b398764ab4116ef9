/** The client, made at the first request: a build needs no API key. */
import { mkdirSync } from 'node:fs';
import { fileJournal, WaveSpeedKling } from 'wavespeed-kling';

const store = globalThis as { kling?: WaveSpeedKling };

/**
 * Reads WAVESPEED_API_KEY and WAVESPEED_BASE_URL. The journal is a file, for one server. Functions share no disk: give them
 * `sqlJournal(query, { dialect: 'postgres' })` of wavespeed-kling/sql.
 */
export function getKling(): WaveSpeedKling {
  if (store.kling === undefined) {
    mkdirSync('.data', { recursive: true });
    store.kling = new WaveSpeedKling({
      maxCost: 2,
      journal: fileJournal('.data/journal.jsonl'),
      // For functions that may take 60 seconds: docs/serverless.md.
      requestTimeoutMs: Number(process.env.REQUEST_TIMEOUT_MS ?? 30_000),
      idempotency: { leaseMs: 5000, settleMs: Number(process.env.SETTLE_MS ?? 30_000) },
    });
  }
  return store.kling;
}
