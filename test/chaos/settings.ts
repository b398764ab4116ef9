/** What the chaos run and its processes agree on. */

export interface WorkerSettings {
  /** Path of a journal file (`.jsonl`) or of an SQLite database, or the URL of a PostgreSQL server. */
  target: string;
  baseUrl: string;
  name: string;
  keys: number;
  /** Different inputs: several keys share each. */
  prompts: number;
  seed: number;
  /** How far its clock is ahead; and after it was set. */
  clockMs: number;
  setClockMs: number;
  /** Whether it asks for something before its first submit: then it knows the service's time. */
  hearsTime: boolean;
  /** Share of the writes to the journal that fail, or whose answer is lost. */
  putFaults: number;
  /** Whether no other process is meant to use the journal. */
  isAlone: boolean;
}

export type WorkerMessage =
  | { event: 'fault'; kind: string }
  | { event: 'clock set' }
  | { event: 'journal error'; message: string }
  /** The outcome of its submit stays unknown. */
  | { event: 'open'; key: string };

/** Long enough that a slow machine does not break what the library asks of a service: an accepted task is listed in time. */
export const TIMES = { requestTimeoutMs: 2000, idempotency: { leaseMs: 2000, settleMs: 1500 } };

export const keyOf = (index: number) => `key-${index}`;
export const promptOf = (index: number, { prompts }: Pick<WorkerSettings, 'prompts'>) =>
  `A fox, take ${index % prompts}`;
