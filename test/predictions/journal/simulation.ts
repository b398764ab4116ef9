/** Callers of one journal in simulated time: each await of a caller is an event that a crash can prevent. */
import { type Journal, memoryJournal, type Prediction, SubmissionUnknownError } from 'wavespeed-kling';
import type { KeyedCall } from '../../../src/predictions/journal/key-context.js';
import { type KeyedTask, submitWithKey } from '../../../src/predictions/journal/keyed-submit.js';
import type { Mark } from '../../../src/predictions/journal/mark.js';
import type { ComparedTask, SearchRange } from '../../../src/predictions/candidates.js';
import type { SendingEntry } from '../../../src/predictions/journal/journal.js';
import { createDigest } from '../../../src/predictions/digest.js';

const MODEL = 'model';
export const LEASE_MS = 2500;
export const REQUEST_TIMEOUT_MS = 5000;
export const SETTLE_MS = 7500;

export interface World {
  /** Time from an accepted submit until the list shows it; at most SETTLE_MS. */
  lagMs: number;
  /** Whether the list shows no inputs. */
  isBlind: boolean;
  /** Whether the list shows inputs otherwise than they were sent. */
  isRewriting?: boolean;
}

/** What happens to one POST. */
export type Fate = 'accepted' | 'rejected' | 'neverConnected' | 'answerLost' | 'requestLost' | 'answerCut';

export interface CallerPlan {
  key: string;
  input: string;
  startsAt: number;
  whenAbsent: 'throw' | 'resubmit';
  /** After how many of its awaits the caller dies; Infinity for never. */
  diesAfter: number;
  /** After how many of its awaits it freezes, and for how long. */
  freezesAfter: number;
  freezeMs: number;
  /** The fate of each POST, the last for all others. */
  fates: readonly Fate[];
  /** How long each await takes, in turn. */
  latencies: readonly number[];
  /** How far the clock of the caller's machine is ahead of the service's. */
  clockMs?: number;
  /** Whether the caller has heard the service's time before; else it does with the first answer. */
  knowsTime?: boolean;
  /** Which of its writes to the journal, from 1, is applied and answered 'stale': the first answer was lost, and it was repeated. */
  lostPut?: number;
}

const bodyOf = (input: string) => ({ prompt: input });

interface SimulatedTask {
  id: string;
  input: string;
  key: string;
  createdAt: number;
}

export interface Outcome {
  plan: CallerPlan;
  task?: KeyedTask;
  error?: unknown;
  isOver: boolean;
}

export class Simulation {
  readonly tasks: SimulatedTask[] = [];
  readonly outcomes: Outcome[] = [];
  readonly #world: World;
  readonly #journal: Journal = memoryJournal();
  #now = 0;
  #order = 0;
  #events: { at: number; order: number; run: () => void }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  entryOf(key: string) {
    return this.#journal.get(key).then((found) => found?.entry);
  }

  start(plan: CallerPlan): void {
    const outcome: Outcome = { plan, isOver: false };
    this.outcomes.push(outcome);
    this.#at(this.#now + plan.startsAt, () => {
      const { submit, ...context } = this.#contextOf(plan);
      void submitWithKey(
        plan.key,
        {
          request: { model: MODEL, fingerprint: plan.input, origin: 'https://service' },
          withoutOrigin: '',
        },
        submit,
        context,
      ).then(
        (task) => Object.assign(outcome, { task, isOver: true }),
        (error: unknown) => Object.assign(outcome, { error, isOver: true }),
      );
    });
  }

  /** Runs until nothing is left to happen. */
  async run(): Promise<void> {
    await drained();
    for (let steps = 0; this.#events.length > 0; steps++) {
      if (steps > 20_000) throw new Error('the simulation does not end');
      this.#events.sort((one, other) => one.at - other.at || one.order - other.order);
      const event = this.#events.shift();
      this.#now = Math.max(this.#now, event?.at ?? 0);
      event?.run();
      await drained();
    }
  }

  #at(at: number, run: () => void): void {
    this.#events.push({ at, order: this.#order++, run });
  }

  #contextOf(plan: CallerPlan): KeyedCall & { submit: (mark: Mark) => Promise<Prediction> } {
    let awaits = 0;
    let posts = 0;
    let frozenUntil = -1;
    /** Lets the caller go on at a time, unless it has died by then. */
    const resume = (at: number, go: () => void) => {
      awaits += 1;
      if (awaits > plan.diesAfter) return;
      if (awaits === plan.freezesAfter) frozenUntil = at + plan.freezeMs;
      this.#at(Math.max(at, frozenUntil), go);
    };
    const latency = () => plan.latencies[awaits % plan.latencies.length] ?? 1;
    /** Something outside that takes effect half-way, whether the caller lives to hear of it or not. */
    const remote = <T>(effect: () => Promise<T> | T): Promise<T> =>
      new Promise((resolve, reject) => {
        if (awaits >= plan.diesAfter) return;
        const ms = latency();
        this.#at(this.#now + ms / 2, () => {
          void Promise.resolve()
            .then(effect)
            .then(
              (value) => resume(this.#now + ms / 2, () => resolve(value)),
              (error: unknown) => resume(this.#now + ms / 2, () => reject(error as Error)),
            );
        });
      });
    const pause = (ms: number) => new Promise<void>((resolve) => resume(this.#now + ms, resolve));

    const post = async (beforeSend: () => void): Promise<Prediction> => {
      const fate = plan.fates[Math.min(posts++, plan.fates.length - 1)] ?? 'accepted';
      await pause(latency());
      if (fate === 'neverConnected') throw new Error('never connected');
      beforeSend();
      const at = this.#now;
      return new Promise((resolve, reject) => {
        const travelMs = Math.min(latency(), REQUEST_TIMEOUT_MS);
        const unknown = (predictionId?: string) =>
          new SubmissionUnknownError('unknown', {
            model: MODEL,
            input: plan.input,
            submittedAt: new Date(at),
            candidates: async () => [],
            predictionId,
          });
        this.#at(at + travelMs, () => {
          const heardAt = at + travelMs + Math.min(latency(), REQUEST_TIMEOUT_MS - travelMs);
          const late = at + REQUEST_TIMEOUT_MS;
          if (fate === 'rejected') return resume(heardAt, () => reject(new Error('400')));
          if (fate === 'requestLost') return resume(late, () => reject(unknown()));
          const id = `task-${this.tasks.length + 1}`;
          this.tasks.push({ id, input: plan.input, key: plan.key, createdAt: this.#now });
          if (fate === 'answerLost') resume(late, () => reject(unknown()));
          else if (fate === 'answerCut') resume(heardAt, () => reject(unknown(id)));
          else resume(heardAt, () => resolve({ id } as Prediction));
        });
      });
    };

    let puts = 0;
    const put: Journal['put'] = async (key, entry, revision) => {
      const result = await this.#journal.put(key, entry, revision);
      return ++puts === plan.lostPut && typeof result === 'number' ? 'stale' : result;
    };
    const { clockMs = 0 } = plan;
    let knowsTime = plan.knowsTime ?? true;
    const list = (entry: SendingEntry, range: SearchRange) => {
      knowsTime = true;
      const skewMs = entry.clock === 'local' ? -clockMs : 0;
      return this.#list(entry, range === 'all' ? Infinity : SEARCH_MS, skewMs);
    };

    return {
      journal: {
        get: (key) => remote(() => this.#journal.get(key)),
        put: (key, entry, revision) => remote(() => put(key, entry, revision)),
        find: (id) => remote(async () => this.#journal.find?.(id)),
        entries: () => this.#journal.entries?.() ?? [][Symbol.iterator](),
      } as Journal,
      leaseMs: LEASE_MS,
      settleMs: SETTLE_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      whenAbsent: plan.whenAbsent,
      digestOf: createDigest,
      getCost: () => undefined,
      input: bodyOf(plan.input),
      unsent: new Set(),
      call: { signal: new AbortController().signal, sleep: pause },
      submit: async (mark) => {
        await mark.set(bodyOf(plan.input));
        try {
          return await post(() => mark.check());
        } catch (error) {
          throw await mark.clear(error);
        } finally {
          knowsTime = true;
        }
      },
      findCandidates: (entry, _options, range) => remote(() => list(entry, range)),
      onWait: () => undefined,
      clock: {
        local: () => this.#now + clockMs,
        service: () => ({ now: this.#now + (knowsTime ? 0 : clockMs), isKnown: knowsTime }),
        elapsed: () => this.#now,
      },
    };
  }

  #list(entry: SendingEntry, aroundMs: number, skewMs: number): ComparedTask[] {
    const markedAt = Date.parse(entry.markedAt) + skewMs;
    return this.tasks
      .filter(({ createdAt }) => createdAt + this.#world.lagMs <= this.#now)
      .filter(({ createdAt }) => Math.abs(createdAt - markedAt) <= aroundMs)
      .map((task) => {
        const shown = createDigest(
          bodyOf(`${this.#world.isRewriting === true ? 'shown as ' : ''}${task.input}`),
        );
        return {
          id: task.id,
          created_at: new Date(task.createdAt).toISOString(),
          ...(this.#world.isBlind ? {} : { exactMatch: shown === entry.digest, digest: shown }),
        };
      }) as ComparedTask[];
  }
}

/** How far a search reaches beyond the mark. */
const SEARCH_MS = 300_000;

const drained = () => new Promise<void>((resolve) => setImmediate(resolve));
