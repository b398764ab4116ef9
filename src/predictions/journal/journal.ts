/** Interface of the journal of idempotency keys, to be implemented for other stores such as SQL. */
import type { Prediction } from '../../core/prediction.js';

/** Entry of one key. Plain JSON. */
export type JournalEntry = {
  /** SHA-256 of the model and the validated input. */
  fingerprint: string;
  model: string;
  /** Number of submits under this key, from 1. */
  attempt: number;
} & (
  | { /** Proven: there is no task. */ state: 'idle'; reason: string }
  | {
      /** A POST may begin until `sendBy`, and not later. */
      state: 'sending';
      /** The request body. */
      body: unknown;
      /** ISO 8601. */
      markedAt: string;
      /** ISO 8601. */
      sendBy: string;
    }
  | { state: 'submitted'; predictionId: string }
  | { state: 'ended'; predictionId: string; prediction: Prediction }
);

/** Stores one entry per idempotency key, with compare-and-set. */
export interface Journal {
  /** Returns the entry of a key and its revision, or undefined if there is none. */
  get(key: string): Promise<{ entry: JournalEntry; revision: number } | undefined>;
  /**
   * Writes an entry if `revision` is the stored one (undefined: the key has no entry). Atomic, and durable when it resolves.
   *
   * @returns The new revision; `'stale'` if `revision` is not the stored one; `'taken'` if another key has this prediction id.
   */
  put(key: string, entry: JournalEntry, revision?: number): Promise<number | 'stale' | 'taken'>;
  /** Optional: returns the key of a task, or undefined. `settle` needs it. */
  find?(predictionId: string): Promise<string | undefined>;
  /** Optional: every entry, in no particular order. */
  entries?(): AsyncIterable<{ key: string; entry: JournalEntry }>;
}
