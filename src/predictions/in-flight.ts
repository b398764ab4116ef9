/** Which tasks this client started, so that no lost submit is given the task of another call. */
import { isDeepStrictEqual } from 'node:util';
import type { Candidate, CandidatesOptions } from '../core/errors/index.js';
import type { Slot } from '../http/submit-limiter.js';
import { Call } from '../utils/call.js';
import { type CandidateSearch, findCandidates, type LostRequest, toCandidate } from './candidates.js';

/** A submit whose task is not known: in flight, or lost. */
interface PendingSubmit {
  model: string;
  input: unknown;
  /** The idempotency key. */
  key?: string | undefined;
  /** The task that was recovered for it. */
  claimed?: string | undefined;
  /** What a lost submit holds, until its task is known. */
  slot?: Slot | undefined;
  /** Resolves when it is no longer in flight. */
  settled: Promise<void>;
  onSettled: () => void;
}

/** How long to wait for other submits of the same input, in milliseconds. */
const TWINS_TIMEOUT_MS = 2000;

const REMEMBERED_IDS = 10_000;
const REMEMBERED_LOST = 1000;

export class InFlight {
  /** Ids of tasks that a call of this client started or waits for, oldest first. */
  readonly #known = new Set<string>();
  readonly #pending = new Set<PendingSubmit>();
  /** Oldest first. */
  readonly #lost = new Set<PendingSubmit>();

  begin(model: string, input: unknown, key?: string): PendingSubmit {
    let onSettled: () => void = () => undefined;
    const settled = new Promise<void>((resolve) => {
      onSettled = resolve;
    });
    const pending: PendingSubmit = { model, input, key, settled, onSettled };
    this.#pending.add(pending);
    return pending;
  }

  /** It has started this task, or certainly none. */
  settle(pending: PendingSubmit, predictionId?: string): void {
    this.#pending.delete(pending);
    if (predictionId !== undefined) this.remember(predictionId);
    pending.onSettled();
  }

  /** Its outcome is unknown, even where the service named a task. */
  lose(pending: PendingSubmit, slot: Slot, predictionId: string | undefined): void {
    this.#pending.delete(pending);
    pending.claimed = predictionId;
    pending.slot = slot;
    keepNewest(this.#lost.add(pending), REMEMBERED_LOST);
    pending.onSettled();
  }

  /** A call starts or follows this task: it has a slot of its own. */
  remember(predictionId: string): void {
    keepNewest(this.#known.add(predictionId), REMEMBERED_IDS);
    for (const lost of this.#lost) if (lost.claimed === predictionId) lost.slot?.release();
  }

  /** The task of a key is known, or that it has none. */
  settleKey(key: string): void {
    for (const lost of this.#lost) if (lost.key === key) lost.slot?.release();
  }

  /** Returns true for a task of another call. */
  #isOfAnother(pending: PendingSubmit, predictionId: string): boolean {
    if (predictionId === pending.claimed) return false;
    return this.#known.has(predictionId) || [...this.#lost].some(({ claimed }) => claimed === predictionId);
  }

  /** Finds the tasks that a lost submit may have started, and no other call of this client. */
  async findCandidates(
    search: CandidateSearch,
    pending: PendingSubmit,
    lost: LostRequest,
    options: CandidatesOptions = {},
  ): Promise<Candidate[]> {
    const { signal, timeoutMs = Infinity } = options;
    const twins = twinsOf(pending, this.#pending).map(({ settled }) => settled);
    const patience = new Call({ signal, timeoutMs: Math.min(TWINS_TIMEOUT_MS, timeoutMs) });
    await patience.run(Promise.all(twins)).catch(() => undefined);
    patience.close();
    signal?.throwIfAborted();
    const isKnown = (id: string) => this.#isOfAnother(pending, id);
    const { tasks } = await findCandidates(search, lost, options, isKnown);
    return this.#assign(pending, tasks.map(toCandidate));
  }

  /**
   * Leaves out the tasks of other calls. Lost submits with equal inputs share the tasks with that input, one each; where
   * there are more such tasks than lost submits, some are another machine's, and all are returned.
   */
  #assign(pending: PendingSubmit, candidates: readonly Candidate[]): Candidate[] {
    const free = candidates.filter(({ id }) => !this.#isOfAnother(pending, id));
    // While another submit of this input is in flight, any task with this input may be its.
    if (twinsOf(pending, this.#pending).length > 0) return free.filter((task) => task.exactMatch === false);
    const matches = free.filter((task) => task.exactMatch === true);
    const rivals = twinsOf(pending, this.#lost).filter(({ claimed }) => claimed === undefined);
    if (matches.length === 0 || matches.length > rivals.length + 1) return free;
    // Tasks with equal inputs are interchangeable.
    const own = matches.find(({ id }) => id === pending.claimed) ?? matches.at(-1);
    pending.claimed = own?.id;
    return free.filter((task) => task === own || task.exactMatch !== true);
  }
}

const twinsOf = (pending: PendingSubmit, submits: Iterable<PendingSubmit>): PendingSubmit[] =>
  [...submits].filter(
    (other) =>
      other !== pending && other.model === pending.model && isDeepStrictEqual(other.input, pending.input),
  );

/** Removes the oldest members of a set. */
function keepNewest(set: Set<unknown>, size: number): void {
  for (const oldest of set) {
    if (set.size <= size) return;
    set.delete(oldest);
  }
}
