/** Keeps the tasks that one client started apart, so that no lost submit is given another call's task. */
import { isDeepStrictEqual } from 'node:util';
import type { Candidate } from '../core/errors/index.js';
import { raceAbort } from '../utils/abort.js';

/** A submit whose task is not known: in flight, or lost. */
export class PendingSubmit {
  readonly model: string;
  readonly input: unknown;
  isInFlight = true;
  /** The task that was recovered for it. */
  claimed: string | undefined;
  /** Resolves when it is no longer in flight. */
  readonly settled: Promise<void>;
  #settle: () => void = () => undefined;

  constructor(model: string, input: unknown) {
    this.model = model;
    this.input = input;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  settle(): void {
    this.isInFlight = false;
    this.#settle();
  }
}

const REMEMBERED_IDS = 10_000;
const REMEMBERED_LOST = 1000;

export class SubmitRegistry {
  /** Ids of tasks that a call of this client started or waits for, oldest first. */
  readonly #known = new Set<string>();
  readonly #inFlight = new Set<PendingSubmit>();
  /** Oldest first. */
  readonly #lost = new Set<PendingSubmit>();

  begin(model: string, input: unknown): PendingSubmit {
    const pending = new PendingSubmit(model, input);
    this.#inFlight.add(pending);
    return pending;
  }

  /** The outcome of a submit is known, or it is lost. */
  end(pending: PendingSubmit, outcome: { predictionId: string | undefined; isLost: boolean }): void {
    this.#inFlight.delete(pending);
    if (outcome.isLost) {
      pending.claimed = outcome.predictionId;
      keepNewest(this.#lost.add(pending), REMEMBERED_LOST);
    } else if (outcome.predictionId !== undefined) this.remember(outcome.predictionId);
    pending.settle();
  }

  remember(predictionId: string): void {
    keepNewest(this.#known.add(predictionId), REMEMBERED_IDS);
  }

  /** Returns true for a task of another call. */
  isOfAnother(pending: PendingSubmit | undefined, predictionId: string): boolean {
    if (predictionId === pending?.claimed) return false;
    return this.#known.has(predictionId) || [...this.#lost].some(({ claimed }) => claimed === predictionId);
  }

  /** Resolves when no other submit of the same input is in flight. */
  async twinsSettled(pending: PendingSubmit, signal: AbortSignal | undefined): Promise<void> {
    await raceAbort(Promise.all(this.#twins(this.#inFlight, pending).map(({ settled }) => settled)), signal);
  }

  /**
   * Leaves out the tasks of other calls. Lost submits with equal inputs share the tasks with that input, one each; where
   * there are more such tasks than lost submits, some are another machine's, and all are returned.
   */
  assign(pending: PendingSubmit, candidates: readonly Candidate[]): Candidate[] {
    const free = candidates.filter(({ id }) => !this.isOfAnother(pending, id));
    // While another submit of this input is in flight, any task with this input may be its.
    if (this.#twins(this.#inFlight, pending).length > 0)
      return free.filter((task) => task.exactMatch === false);
    const matches = free.filter((task) => task.exactMatch === true);
    const rivals = this.#twins(this.#lost, pending).filter(({ claimed }) => claimed === undefined);
    if (matches.length === 0 || matches.length > rivals.length + 1) return free;
    // Tasks with equal inputs are interchangeable.
    const own = matches.find(({ id }) => id === pending.claimed) ?? matches.at(-1);
    pending.claimed = own?.id;
    return free.filter((task) => task === own || task.exactMatch !== true);
  }

  #twins(submits: ReadonlySet<PendingSubmit>, pending: PendingSubmit): PendingSubmit[] {
    return [...submits].filter(
      (other) =>
        other !== pending && other.model === pending.model && isDeepStrictEqual(other.input, pending.input),
    );
  }
}

/** Removes the oldest members of a set. */
function keepNewest(set: Set<unknown>, size: number): void {
  for (const oldest of set) {
    if (set.size <= size) return;
    set.delete(oldest);
  }
}
