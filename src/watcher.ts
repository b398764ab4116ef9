/**
 * Looks at the tasks of all waits of one client together: few of them on their result URLs, many through the list.
 */
import { orAbort, sleep } from './abort.js';
import { isCompleted, isTerminal, type Prediction } from './prediction.js';
import type { ListQuery, PredictionPage } from './predictions.js';

/** How the watcher asks. Each makes one attempt, and rejects at once when its signal aborts. */
export interface WatcherMeans {
  /** The result URL. */
  look: (id: string, signal: AbortSignal | undefined) => Promise<Prediction>;
  /** One page of the list. */
  fetchPage: (
    query: ListQuery & { page: number; page_size: number },
    signal: AbortSignal,
  ) => Promise<PredictionPage>;
  /** How long to leave the list alone after it failed so often in a row, in milliseconds. */
  backoff: (failures: number, error: unknown) => number;
}

/** A wait's wish for news of its task. */
interface Wish {
  id: string;
  last: Prediction;
  /** By `performance.now()`: when its wait would look by itself. */
  dueAt: number;
  /** How long after the look before that is, in milliseconds. */
  afterMs: number;
  resolve: (prediction: Prediction) => void;
  reject: (error: unknown) => void;
  signal: AbortSignal;
}

/** Up to this many waits look by themselves: a list would not be fewer requests, or not by much. */
const FEW = 3;
const PAGE_SIZE = 100;
/** How many pages of other people's tasks are worth reading, beside those that ours fill. */
const SPARE_PAGES = 2;
/** Sweeps come as often as the most impatient wait would look, within these bounds; in milliseconds. */
const LEAST_GAP_MS = 100;
const MOST_GAP_MS = 1000;
/** How many result URLs are asked at once. */
const SINGLE_LOOKS = 16;
/** How long a page of the list may take, and how long the list is left alone when it fails or does not pay; in milliseconds. */
const PAGE_TIMEOUT_MS = 5000;
const LIST_PAUSE_MS = 10_000;
/** The list's filter may count whole seconds, or its clock lag behind that of the tasks; in milliseconds. */
const SINCE_MARGIN_MS = 2000;

/** Serves the waits of one client. Without waits it sends nothing and holds no timer. */
export class Watcher {
  readonly #means: WatcherMeans;
  /** Those that wait for a sweep, and those that wait for a look of their own. */
  readonly #wishes = new Set<Wish>();
  readonly #single: Wish[] = [];
  #looking = 0;
  #waits = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #isSweeping = false;
  #sweptAt = -Infinity;
  /** The page of the list that is being fetched. */
  #page: AbortController | undefined;
  #listFailures = 0;
  #listAgainAt = -Infinity;

  constructor(means: WatcherMeans) {
    this.#means = means;
  }

  /** Counts a wait in, for as long as it lasts; gives what counts it out. */
  join(): () => void {
    this.#waits++;
    return () => void this.#waits--;
  }

  /**
   * Gives news of a task: after the delay, or sooner where a look for the others shows that its status has changed.
   * Alone, or without knowing the task yet, a wait looks by itself.
   */
  async look(
    id: string,
    request: { afterMs: number; last: Prediction | undefined; signal: AbortSignal },
  ): Promise<Prediction> {
    const { afterMs, last, signal } = request;
    signal.throwIfAborted();
    const now = performance.now();
    const listable = last !== undefined && !Number.isNaN(Date.parse(last.created_at));
    if (this.#waits <= FEW || !listable || now < this.#listAgainAt) {
      if (afterMs > 0) await sleep(afterMs, signal);
      signal.throwIfAborted();
      return this.#means.look(id, signal);
    }
    let wish: Wish | undefined;
    const news = new Promise<Prediction>((resolve, reject) => {
      wish = { id, last, dueAt: now + afterMs, afterMs, resolve, reject, signal };
      this.#wishes.add(wish);
      this.#schedule(wish);
    });
    try {
      return await orAbort(news, signal);
    } finally {
      if (wish !== undefined) this.#drop(wish);
    }
  }

  #drop(wish: Wish): void {
    this.#wishes.delete(wish);
    if (this.#wishes.size > 0) return;
    // Nobody waits for it any more.
    this.#clearTimer();
    this.#page?.abort(new Error('nobody waits any more'));
  }

  /** Sees to it that a sweep comes for a wish. */
  #schedule({ dueAt, afterMs }: Wish): void {
    if (this.#isSweeping) return;
    const gap = Math.max(LEAST_GAP_MS, Math.min(MOST_GAP_MS, afterMs));
    const at = Math.max(dueAt, this.#sweptAt + gap);
    if (at >= this.#timerAt) return;
    this.#clearTimer();
    this.#timerAt = at;
    this.#timer = setTimeout(() => void this.#sweep(), Math.max(0, at - performance.now()));
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  /** Looks for everybody once. */
  async #sweep(): Promise<void> {
    this.#clearTimer();
    if (this.#wishes.size === 0) return;
    this.#isSweeping = true;
    this.#sweptAt = performance.now();
    const wishes = [...this.#wishes];
    const unlisted = performance.now() < this.#listAgainAt ? wishes : await this.#sweepList(wishes);
    this.#isSweeping = false;
    // What the list does not show is asked for, when it is due: never more often than by polling each.
    const now = performance.now();
    for (const wish of unlisted) {
      if (wish.dueAt > now || !this.#wishes.has(wish)) continue;
      this.#wishes.delete(wish);
      this.#single.push(wish);
    }
    this.#lookSingly();
    for (const wish of this.#wishes) this.#schedule(wish);
  }

  /** Goes through the list; gives the wishes that are still to be looked for on their result URLs. */
  async #sweepList(wishes: readonly Wish[]): Promise<Wish[]> {
    const wanted = new Map<string, Wish[]>();
    for (const wish of wishes) wanted.set(wish.id, [...(wanted.get(wish.id) ?? []), wish]);
    const models = new Set(wishes.map(({ last }) => last.model));
    const [model] = models;
    const oldest = Math.min(...wishes.map(({ last }) => Date.parse(last.created_at)));
    const query: ListQuery = {
      created_after: new Date(oldest - SINCE_MARGIN_MS),
      ...(models.size === 1 && model !== '' && model !== undefined ? { model } : {}),
    };
    const pages = Math.ceil(wanted.size / PAGE_SIZE) + SPARE_PAGES;
    const unlisted: Wish[] = [];
    let requests = 0;
    try {
      for (let page = 1; page <= pages && wanted.size > 0 && this.#wishes.size > 0; page++) {
        requests++;
        const { items, count, total } = await this.#fetchPage({ ...query, page, page_size: PAGE_SIZE });
        for (const item of items) {
          for (const wish of wanted.get(item.id) ?? []) if (!this.#serve(wish, item)) unlisted.push(wish);
          wanted.delete(item.id);
        }
        if (count === 0) break;
        if (total === undefined ? count < PAGE_SIZE : page * PAGE_SIZE >= total) break;
      }
      this.#listFailures = 0;
      // On a busy account ours may be too far down: then the list costs more than it saves.
      if (wishes.length - wanted.size < requests) this.#listAgainAt = performance.now() + LIST_PAUSE_MS;
    } catch (error) {
      if (this.#wishes.size === 0) return [];
      // The list is only a short cut: whatever is wrong with it, the result URLs are still there.
      this.#listFailures++;
      const pause = Math.max(LIST_PAUSE_MS, this.#means.backoff(this.#listFailures, error));
      this.#listAgainAt = performance.now() + pause;
    }
    return [...unlisted, ...[...wanted.values()].flat()];
  }

  /** Fetches a page, in good time: a list that hangs must not keep the others waiting. */
  async #fetchPage(query: ListQuery & { page: number; page_size: number }): Promise<PredictionPage> {
    const controller = new AbortController();
    this.#page = controller;
    const late = () => controller.abort(new Error(`no page of the list within ${PAGE_TIMEOUT_MS} ms`));
    const timer = setTimeout(late, PAGE_TIMEOUT_MS);
    try {
      return await this.#means.fetchPage(query, controller.signal);
    } finally {
      clearTimeout(timer);
      this.#page = undefined;
    }
  }

  /** Hands a task from the list to its wait; false where the list's word is not enough. */
  #serve(wish: Wish, item: Prediction): boolean {
    if (isCompleted(item)) {
      wish.resolve(item);
      return true;
    }
    if (isTerminal(item.status)) {
      // An end without a video is to be confirmed, and at once.
      wish.dueAt = -Infinity;
      return false;
    }
    // A list that lags behind would show what was before.
    const isOlder = item.status === 'created' && wish.last.status !== 'created';
    if ((item.status !== wish.last.status && !isOlder) || wish.dueAt <= performance.now()) {
      wish.resolve(isOlder ? { ...item, status: wish.last.status } : item);
    }
    return true;
  }

  /** Looks on the result URLs, a bounded number at once, without holding up the next sweep. */
  #lookSingly(): void {
    while (this.#looking < SINGLE_LOOKS) {
      const wish = this.#single.shift();
      if (wish === undefined) return;
      // Its wait has ended meanwhile.
      if (wish.signal.aborted) continue;
      this.#looking++;
      void this.#means
        .look(wish.id, wish.signal)
        .then(wish.resolve, wish.reject)
        .finally(() => {
          this.#looking--;
          this.#lookSingly();
        });
    }
  }
}
