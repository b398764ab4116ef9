/**
 * Looks at the tasks of all waits of one client together: few of them on their result URLs, many through the list. The
 * list is a short cut and never the only witness: it is checked, and where it lies, lags or hangs, left alone.
 */
import { MAX_TIMER_MS, orAbort, sleep } from '../utils/abort.js';
import { type FetchPage, mostPagesFor, pagesFor, sweepList } from './scan-list.js';
import type { LookRequest, Place } from './poll.js';
import { isCompleted, isTerminal, normalizePrediction, type Prediction } from '../core/prediction.js';
import type { ListQuery } from './list.js';

/** How the watcher asks. Each makes one attempt, and rejects at once when its signal aborts. */
export interface WatcherMeans {
  /** The result URL. */
  look: (id: string, signal: AbortSignal) => Promise<Prediction>;
  /** One page of the list. */
  fetchPage: FetchPage;
  /** How long to leave the list alone after it failed so often in a row, in milliseconds. */
  backoff: (failures: number, error: unknown) => number;
}

/** Up to this many waits look by themselves: a list would not be fewer requests, or not by much. */
const FEW = 3;
/** No two sweeps come closer together, in milliseconds. */
const LEAST_GAP_MS = 100;
/** How many result URLs are asked at once, and for how long one of them counts; in milliseconds. */
const SINGLE_LOOKS = 48;
const SLOT_MS = 1500;
/** After how long a sweep no longer holds back those that are due, and after how long it is given up; in milliseconds. */
const LATE_MS = 1000;
const SWEEP_TIMEOUT_MS = 5000;
/** How long the list is left alone when it fails, lies or does not pay: twice as long each time; in milliseconds. */
const LIST_PAUSE_MS = 10_000;
const MOST_PAUSE_MS = 300_000;
/**
 * How often one of those that go by the list is looked at all the same, and after how long each is, though no more than
 * a share of them after one sweep; in milliseconds.
 */
const CONFIRM_GAP_MS = 900;
const UNCONFIRMED_MS = 30_000;
const CONFIRMED_SHARE = 1 / 20;
/** A list that is behind by less is as good as one that is not, in milliseconds. */
const TOLERATED_LAG_MS = 500;
/** The list's filter may count whole seconds, or its clock lag behind that of the tasks; in milliseconds. */
const SINCE_MARGIN_MS = 2000;

/** What a wait waits for now. */
interface Wish extends LookRequest {
  /** By `performance.now()`: when it is to be looked for. */
  dueAt: number;
  /** When its task was made, by which it is found in the list; NaN where that is not known. */
  createdAt: number;
  resolve: (prediction: Prediction) => void;
  reject: (error: unknown) => void;
}

/** A wait as the watcher knows it. */
interface Member {
  id: string;
  wish: Wish | undefined;
  /** Whether it waits for a look of its own, or is being looked at. */
  isLooking: boolean;
  /** By `performance.now()`: when its result URL was looked at last, or it joined. */
  lookedAt: number;
  /** An end that the list told of and the result URL did not. */
  deniedEnd: string | undefined;
}

/** How many looks at result URLs are remembered, to check the next sweep by. */
const WITNESSES = 200;

const NEVER = -Infinity;

/** Ends a sweep, among the reasons of an abort. */
const NOBODY_WAITS = Symbol('nobody waits');

/** How far along a status is. */
const stageOf = (status: string) => (isTerminal(status) ? 2 : status === 'created' ? 0 : 1);

/** Tells whether a task can be found in the list, which goes by when it was made. */
const isListable = ({ wish }: Member): boolean => wish !== undefined && !Number.isNaN(wish.createdAt);

/** Serves the waits of one client. Without waits it sends nothing and holds no timer. */
export class Watcher {
  readonly #means: WatcherMeans;
  #joined = 0;
  /** Those that wish for news now. */
  readonly #wishing = new Set<Member>();
  /** Those of them that wait for a look of their own. */
  readonly #queue: Member[] = [];
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  /** The sweep under way. */
  #sweep: { startedAt: number; controller: AbortController } | undefined;
  #sweptAt = NEVER;
  #confirmedAt = NEVER;
  /** How many pages the last one took. */
  #pages = 0;
  /** What result URLs have shown since the last sweep began. */
  #witnessed = new Map<string, { status: string; at: number }>();
  /** How often in a row the list failed or did not pay, and how often it has lied. */
  #failures = 0;
  #lies = 0;
  /** By `performance.now()`: since when, and until when, it is left alone. */
  #pause = { from: NEVER, until: NEVER };

  constructor(means: WatcherMeans) {
    this.#means = means;
  }

  /** Gives a wait its place. */
  join(id: string): Place {
    this.#joined++;
    const member: Member = {
      id,
      wish: undefined,
      isLooking: false,
      lookedAt: performance.now(),
      deniedEnd: undefined,
    };
    const leave = () => {
      // What nobody waits for any more is given up.
      if (--this.#joined === 0) this.#sweep?.controller.abort(NOBODY_WAITS);
    };
    return { look: (request) => this.#look(member, request), leave };
  }

  /**
   * Gives news of a task: what one look after the delay shows or, among many, what has changed, as soon as a look for
   * all of them shows it.
   */
  async #look(member: Member, request: LookRequest): Promise<Prediction> {
    const { afterMs, signal } = request;
    signal.throwIfAborted();
    if (this.#joined <= FEW) {
      if (afterMs > 0) await sleep(afterMs, signal);
      signal.throwIfAborted();
      return this.#lookAt(member, signal);
    }
    const dueAt = performance.now() + afterMs;
    const createdAt = Date.parse(request.last?.created_at ?? '');
    const news = new Promise<Prediction>((resolve, reject) => {
      member.wish = { ...request, dueAt, createdAt, resolve, reject };
    });
    this.#wishing.add(member);
    this.#schedule(dueAt);
    try {
      return await orAbort(news, signal);
    } finally {
      this.#drop(member);
    }
  }

  #drop(member: Member): void {
    member.wish = undefined;
    this.#wishing.delete(member);
    if (this.#wishing.size === 0) this.#clearTimer();
  }

  /** Sees to it that somebody is looked for at a time. */
  #schedule(dueAt: number): void {
    const now = performance.now();
    // A clock that was put back must not hold anybody up.
    const at = Math.max(dueAt, Math.min(this.#sweptAt, now) + LEAST_GAP_MS);
    if (at >= this.#timerAt) return;
    this.#clearTimer();
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#tick(), Math.min(Math.max(0, at - now), MAX_TIMER_MS));
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  /** Looks for those that are due: through the list where that is fewer requests, else one by one. */
  #tick(): void {
    this.#clearTimer();
    const now = performance.now();
    // A timer may fire a fraction of a millisecond early.
    const isDue = ({ wish, isLooking }: Member) => wish !== undefined && wish.dueAt <= now + 1 && !isLooking;
    const due = [...this.#wishing].filter(isDue);
    const listable = this.#isPaused(now) ? [] : [...this.#wishing].filter(isListable);
    // Those that come after them soon are counted in: they need not be looked for then.
    const soon = listable.filter(({ wish }) => wish !== undefined && wish.dueAt <= now + wish.afterMs / 2);
    const pages = Math.min(Math.max(this.#pages, pagesFor(listable.length)), mostPagesFor(listable.length));
    if (this.#sweep !== undefined) {
      if (now >= this.#sweep.startedAt + LATE_MS) this.#enqueue(due);
    } else if (soon.length > 0 && soon.length >= pages && due.some(isListable)) {
      // What it cannot show is looked for by itself; what it does not show, after it.
      this.#enqueue(due.filter((member) => !isListable(member)));
      void this.#sweepFor(listable);
      return;
    } else {
      this.#enqueue(due);
    }
    this.#scheduleRest();
  }

  #scheduleRest(): void {
    const leastAt = this.#sweep === undefined ? NEVER : this.#sweep.startedAt + LATE_MS;
    let at = Infinity;
    for (const { wish, isLooking } of this.#wishing) {
      if (wish !== undefined && !isLooking) at = Math.min(at, wish.dueAt);
    }
    if (at < Infinity) this.#schedule(Math.max(at, leastAt));
  }

  #isPaused(now: number): boolean {
    return now >= this.#pause.from && now < this.#pause.until;
  }

  #pauseList(leastMs = 0): void {
    const now = performance.now();
    const ms = Math.min(LIST_PAUSE_MS * 2 ** (this.#failures + this.#lies - 1), MOST_PAUSE_MS);
    this.#pause = { from: now, until: now + Math.max(ms, leastMs) };
  }

  /** Looks for everybody in the list. */
  async #sweepFor(members: readonly Member[]): Promise<void> {
    const controller = new AbortController();
    const startedAt = performance.now();
    this.#sweep = { startedAt, controller };
    this.#sweptAt = startedAt;
    const witnessed = this.#witnessed;
    this.#witnessed = new Map();
    const timer = setTimeout(
      () => controller.abort(new Error(`the list took longer than ${SWEEP_TIMEOUT_MS} ms`)),
      SWEEP_TIMEOUT_MS,
    );
    // Whoever is due and not found soon does not wait for its end.
    this.#schedule(startedAt + LATE_MS);

    const wanted = new Map<string, Member[]>();
    for (const member of members) {
      const same = wanted.get(member.id);
      if (same === undefined) wanted.set(member.id, [member]);
      else same.push(member);
    }
    const unchanged: Member[] = [];
    let served = 0;
    let lied = false;
    try {
      this.#pages = await sweepList(
        this.#means.fetchPage,
        queryFor(members),
        controller.signal,
        wanted,
        (id, task) => {
          const found = wanted.get(id);
          const witness = witnessed.get(id);
          if (witness !== undefined && witness.at < startedAt - TOLERATED_LAG_MS) {
            lied ||= stageOf(statusOf(task)) < stageOf(witness.status);
          }
          if (found === undefined) return;
          wanted.delete(id);
          let isOfUse = false;
          for (const member of found) {
            const result = this.#serve(member, task);
            if (result === 'unchanged') unchanged.push(member);
            isOfUse ||= result !== 'nothing';
          }
          if (isOfUse) served++;
        },
      );
      // On a busy account ours may be too far down: then the list costs more than it saves. So does a slow one.
      const paid = served >= this.#pages && performance.now() < startedAt + LATE_MS;
      this.#failures = paid ? 0 : this.#failures + 1;
      if (lied) this.#lies++;
      if (lied || !paid) this.#pauseList();
    } catch (error) {
      // Whatever is wrong with it, the result URLs are still there.
      if (controller.signal.reason !== NOBODY_WAITS) {
        this.#failures++;
        this.#pauseList(this.#means.backoff(this.#failures, error));
      }
    } finally {
      clearTimeout(timer);
      // Of pages asked for at once, those that are still on their way are given up with the first that fails.
      controller.abort();
      this.#sweep = undefined;
    }
    this.#confirm(unchanged);
    const now = performance.now();
    this.#enqueue(members.filter(({ wish }) => wish !== undefined && wish.dueAt <= now));
    this.#scheduleRest();
  }

  /** Hands a task from the list to its wait; tells what that was to it. */
  #serve(member: Member, listed: unknown): 'news' | 'unchanged' | 'nothing' {
    const { wish } = member;
    const last = wish?.last;
    const status = statusOf(listed);
    // Without a status it says nothing.
    if (wish === undefined || last === undefined || status === '') return 'nothing';
    if (isTerminal(status)) {
      const task = normalizePrediction(listed);
      if (task === undefined) return 'nothing';
      if (isCompleted(task)) return this.#give(member, wish, task);
      // An end without a video is to be confirmed: at once, or when the wait is due if that was done before.
      if (member.deniedEnd === status) return 'nothing';
      member.deniedEnd = status;
      wish.dueAt = NEVER;
      return 'news';
    }
    // A list that lags behind would show what was before.
    if (status !== last.status && stageOf(status) >= stageOf(last.status)) {
      wish.last = normalizePrediction(listed) ?? last;
      if (!wish.onlyEnd) return this.#give(member, wish, wish.last);
    }
    // Its wait need not wake for nothing; the last few do, to look by themselves from here on.
    if (this.#joined <= FEW) {
      return wish.dueAt <= performance.now() ? this.#give(member, wish, wish.last ?? last) : 'unchanged';
    }
    try {
      wish.afterMs = wish.onNoNews(wish.last ?? last);
      wish.dueAt = performance.now() + wish.afterMs;
    } catch (error) {
      wish.reject(error);
    }
    return 'unchanged';
  }

  #give(member: Member, wish: Wish, news: Prediction): 'news' {
    // At once: it is not to be looked for any more.
    member.wish = undefined;
    wish.resolve(news);
    return 'news';
  }

  /** Looks at some of those whom the list shows unchanged: it may be behind, or wrong. */
  #confirm(unchanged: readonly Member[]): void {
    const now = performance.now();
    const isTime = now < this.#confirmedAt || now >= this.#confirmedAt + CONFIRM_GAP_MS;
    if (!isTime || unchanged.length === 0) return;
    this.#confirmedAt = now;
    let most = Math.ceil(unchanged.length * CONFIRMED_SHARE);
    let oldest: Member | undefined;
    const chosen = new Set<Member>();
    for (const member of unchanged) {
      if (member.wish === undefined || member.isLooking) continue;
      if (oldest === undefined || member.lookedAt < oldest.lookedAt) oldest = member;
      if (member.lookedAt < now - UNCONFIRMED_MS && --most > 0) chosen.add(member);
    }
    if (oldest !== undefined) chosen.add(oldest);
    this.#enqueue([...chosen]);
  }

  /** Has result URLs looked at, a bounded number at once. */
  #enqueue(members: readonly Member[]): void {
    for (const member of members) {
      if (member.isLooking) continue;
      member.isLooking = true;
      this.#queue.push(member);
    }
    while (this.#looks < SINGLE_LOOKS) {
      const member = this.#queue.shift();
      if (member === undefined) return;
      void this.#lookFor(member);
    }
  }

  async #lookFor(member: Member): Promise<void> {
    const { wish } = member;
    // The list was quicker, or its wait has ended.
    if (wish === undefined || wish.signal.aborted) {
      member.isLooking = false;
      return;
    }
    let holdsSlot = true;
    const freeSlot = () => {
      if (!holdsSlot) return;
      holdsSlot = false;
      this.#looks--;
      this.#enqueue([]);
    };
    this.#looks++;
    // Some that hang must not hold up the others.
    const timer = setTimeout(freeSlot, SLOT_MS);
    try {
      const seen = await this.#lookAt(member, wish.signal);
      // Meanwhile the list may have told of a change: this is news all the same.
      member.wish?.resolve(seen);
    } catch (error) {
      // A look that its wait has given up says nothing to the next one.
      if (member.wish === wish || !wish.signal.aborted) member.wish?.reject(error);
    } finally {
      member.isLooking = false;
      // Meanwhile its next wish was passed over.
      if (member.wish !== undefined && member.wish !== wish) this.#schedule(member.wish.dueAt);
      clearTimeout(timer);
      freeSlot();
    }
  }

  async #lookAt(member: Member, signal: AbortSignal): Promise<Prediction> {
    const seen = await this.#means.look(member.id, signal);
    const at = performance.now();
    member.lookedAt = at;
    this.#witnessed.set(member.id, { status: seen.status, at });
    for (const oldest of this.#witnessed.keys()) {
      if (this.#witnessed.size <= WITNESSES) break;
      this.#witnessed.delete(oldest);
    }
    return seen;
  }
}

/** Reads a task's status as the list has it; empty where it has none. */
function statusOf(listed: unknown): string {
  const { status } = listed as { status?: unknown };
  return typeof status === 'string' ? status : '';
}

/** Narrows the list to where the tasks are. */
function queryFor(members: readonly Member[]): ListQuery {
  const models = new Set<string>();
  let oldest = Infinity;
  for (const { wish } of members) {
    if (wish?.last === undefined) continue;
    models.add(wish.last.model);
    oldest = Math.min(oldest, wish.createdAt);
  }
  const [model] = models;
  return {
    created_after: new Date(oldest - SINCE_MARGIN_MS),
    ...(models.size === 1 && model !== '' && model !== undefined ? { model } : {}),
  };
}
