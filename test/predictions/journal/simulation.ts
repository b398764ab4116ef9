/** Callers of one journal in simulated time: each await of a caller is an event that a crash can prevent. */
import { type Journal, memoryJournal, type Prediction, SubmissionUnknownError } from 'wavespeed-kling';
import type { KeyedCall } from '../../../src/predictions/journal/key-context.js';
import { type KeyedTask, submitWithKey } from '../../../src/predictions/journal/keyed-submit.js';
import type { Mark } from '../../../src/predictions/journal/mark.js';
import type { ComparedTask, SearchRange } from '../../../src/predictions/candidates.js';
import type { SendingEntry } from '../../../src/predictions/journal/journal.js';
import { createDigest } from '../../../src/predictions/compare-inputs.js';

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

/** What happens to one POST. `otherAnswer`: a page of a gateway, or an answer about another task, which says nothing. */
export type Fate =
  | 'accepted'
  | 'rejected'
  | 'neverConnected'
  | 'answerLost'
  | 'requestLost'
  | 'answerCut'
  | 'otherAnswer'
  | 'otherAnswerUnsent';

/** What happens to one write to the journal: its answer is lost, and it is repeated (`stale`); or it fails. */
export type PutFault = 'stale' | 'failsBefore' | 'failsAfter';

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
  /** Whether its whole machine sleeps meanwhile: then the time that it measures stands still. */
  isAsleep?: boolean;
  /** The fate of each POST, the last for all others. */
  fates: readonly Fate[];
  /** How long each await takes, in turn. */
  latencies: readonly number[];
  /** How far the clock of the caller's machine is ahead of the service's. */
  clockMs?: number;
  /** Whether the caller has heard the service's time before; else it does with the first answer. */
  knowsTime?: boolean;
  /** When the clock of the caller's machine is set, after how many of its awaits, and by how much. */
  setsClockAfter?: number;
  setsClockByMs?: number;
  /** What happens to its writes to the journal, from the first on; nothing to those after the last. */
  putFaults?: readonly (PutFault | undefined)[] | 'alwaysStale';
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
  /** The last task that the service named to the caller as its own. */
  heard?: string;
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
      const { submit, ...context } = this.#contextOf(plan, outcome);
      void submitWithKey(
        plan.key,
        { model: MODEL, fingerprint: plan.input, origin: 'https://service' },
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

  #contextOf(
    plan: CallerPlan,
    outcome: Outcome,
  ): KeyedCall & { submit: (mark: Mark) => Promise<Prediction> } {
    let awaits = 0;
    let posts = 0;
    let frozenUntil = -1;
    let sleptMs = 0;
    let { clockMs = 0, knowsTime = true } = plan;
    /** Of the service's clock to the caller's, as the caller believes. */
    let skewMs = knowsTime ? -clockMs : 0;
    const hearTime = () => {
      knowsTime = true;
      skewMs = -clockMs;
    };
    /** Lets the caller go on at a time, unless it has died by then. */
    const resume = (at: number, go: () => void) => {
      awaits += 1;
      if (awaits > plan.diesAfter) return;
      if (awaits === plan.setsClockAfter) {
        clockMs += plan.setsClockByMs ?? 0;
        knowsTime = false;
      }
      if (awaits === plan.freezesAfter) {
        frozenUntil = at + plan.freezeMs;
        if (plan.isAsleep === true) {
          sleptMs = plan.freezeMs;
          knowsTime = false;
        }
      }
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
          if (fate === 'otherAnswerUnsent') return resume(heardAt, () => reject(unknown()));
          const id = `task-${this.tasks.length + 1}`;
          this.tasks.push({ id, input: plan.input, key: plan.key, createdAt: this.#now });
          if (fate === 'answerLost') resume(late, () => reject(unknown()));
          else if (fate === 'otherAnswer') resume(heardAt, () => reject(unknown()));
          else {
            resume(heardAt, () => {
              outcome.heard = id;
              if (fate === 'answerCut') reject(unknown(id));
              else resolve({ id } as Prediction);
            });
          }
        });
      });
    };

    let puts = 0;
    const put: Journal['put'] = async (key, entry, revision) => {
      const fault = plan.putFaults === 'alwaysStale' ? 'stale' : plan.putFaults?.[puts++];
      if (fault === 'failsBefore') throw new Error('no space left');
      const result = await this.#journal.put(key, entry, revision);
      if (fault === 'failsAfter') throw new Error('connection lost');
      return fault === 'stale' && typeof result === 'number' ? 'stale' : result;
    };
    const list = (entry: SendingEntry, range: SearchRange) => {
      hearTime();
      return this.#list(entry, range, skewMs);
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
      input: bodyOf(plan.input),
      unsent: new Set(),
      call: { signal: new AbortController().signal, sleep: pause, isReason: () => false },
      submit: async (mark) => {
        await mark.set(createDigest(bodyOf(plan.input)), undefined);
        try {
          return await post(() => mark.check());
        } catch (error) {
          throw await mark.clear(error);
        } finally {
          hearTime();
        }
      },
      findCandidates: async (entry, _options, range) => ({ tasks: await remote(() => list(entry, range)) }),
      onWait: () => undefined,
      clock: {
        local: () => this.#now + clockMs,
        service: () => ({ now: this.#now + clockMs + skewMs, isKnown: knowsTime }),
        elapsed: () => this.#now - sleptMs,
      },
    };
  }

  /** Searches as the client does: from the mark to the last moment of its task, and further by what the clocks differ. */
  #list(entry: SendingEntry, range: SearchRange, skewMs: number): ComparedTask[] {
    const isAll = range === 'all';
    const from = isAll ? -Infinity : Date.parse(entry.markedAt) + Math.min(0, skewMs) - BEYOND_MS;
    const latest = Date.parse(entry.sendBy) + REQUEST_TIMEOUT_MS + SETTLE_MS;
    const until = isAll ? Infinity : latest + Math.max(0, skewMs) + BEYOND_MS;
    return this.tasks
      .filter(({ createdAt }) => createdAt + this.#world.lagMs <= this.#now)
      .filter(({ createdAt }) => createdAt >= from && createdAt <= until)
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

/** How far a search reaches further. */
const BEYOND_MS = 300_000;

const drained = () => new Promise<void>((resolve) => setImmediate(resolve));
