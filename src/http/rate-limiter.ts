/** Paces the submits of one client: by the account's limits, and by the service's 429s. */
import { ApiError, RateLimitError } from '../core/errors/index.js';
import { MAX_TIMER_MS, addAbortListener } from '../utils/abort.js';
import { getRetryDelay } from './retry.js';

/** Limits of an account. */
export interface Limits {
  /** Submits within any minute. */
  perMinute: number;
  /** Tasks that run at once. */
  concurrency: number;
}

/** From this many accepted submits after a 429 on, their number is not limited any more. */
const RAMP_END = 64;
const MINUTE_MS = 60_000;

interface Waiter {
  deadlineAt: number;
  resolve: (slot: Slot) => void;
  reject: (error: unknown) => void;
}

/** The right to submit one task, and the task's place among those that run. */
export class Slot {
  readonly #limiter: RateLimiter;
  #state: 'granted' | 'sent' | 'running' | 'released' = 'granted';

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter;
  }

  /** The POST begins. */
  markSent(): void {
    if (this.#state !== 'granted') return;
    this.#state = 'sent';
    this.#limiter.onSent();
  }

  /** The submit has ended: with a task that runs now, or with an error. */
  markSubmitted(error?: unknown): void {
    if (this.#state !== 'granted' && this.#state !== 'sent') return;
    this.#limiter.onSubmitted(this.#state === 'sent', error);
    this.#state = 'running';
  }

  /** The task has ended, or nobody waits for it any more. */
  release(): void {
    this.markSubmitted();
    if (this.#state === 'released') return;
    this.#state = 'released';
    this.#limiter.onReleased();
  }
}

export class RateLimiter {
  readonly #limits: Limits;
  /** First come, first served; repeated submits first. */
  readonly #retry = new Set<Waiter>();
  readonly #waiting = new Set<Waiter>();
  /** When the POSTs of the last minute began. By `performance.now()`, as every time here. */
  readonly #sentAt: number[] = [];
  /** Granted, and not sent yet. */
  #granted = 0;
  /** Granted or sent, and not answered yet. */
  #submitting = 0;
  #running = 0;
  /** How many submits may be in flight at once. */
  #ramp = Infinity;
  #blockedUntil = -Infinity;
  #lastError: RateLimitError | undefined;
  #rejections = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Resolves when a task may be submitted.
   *
   * @throws {RateLimitError} the last one, where the service allows nothing before the deadline.
   */
  async acquire(signal: AbortSignal | undefined, deadlineAt: number, isRetry = false): Promise<Slot> {
    signal?.throwIfAborted();
    const queue = isRetry ? this.#retry : this.#waiting;
    let removeListener: (() => void) | undefined;
    let waiter: Waiter | undefined;
    try {
      return await new Promise<Slot>((resolve, reject) => {
        waiter = { deadlineAt, resolve, reject };
        queue.add(waiter);
        removeListener =
          signal &&
          addAbortListener(signal, () => {
            const isRateLimited = performance.now() >= deadlineAt && this.#submitting >= this.#ramp;
            reject(isRateLimited ? this.#lastError : signal.reason);
          });
        this.#run();
      });
    } finally {
      if (waiter !== undefined) queue.delete(waiter);
      if (this.#waiting.size + this.#retry.size === 0) clearTimeout(this.#timer);
      removeListener?.();
    }
  }

  /** Counts a task that already runs. */
  track(): Slot {
    this.#submitting++;
    this.#granted++;
    this.#running++;
    const slot = new Slot(this);
    slot.markSubmitted(TRACKED);
    return slot;
  }

  onSent(): void {
    this.#granted--;
    if (this.#limits.perMinute < Infinity) this.#sentAt.push(performance.now());
    this.#run();
  }

  onSubmitted(wasSent: boolean, error: unknown): void {
    if (!wasSent) this.#granted--;
    this.#submitting--;
    if (error instanceof RateLimitError) this.#block(error);
    // Rejected for another reason: the rate was not it.
    else if (error === undefined || error instanceof ApiError) this.#widen();
    this.#run();
  }

  onReleased(): void {
    this.#running--;
    this.#run();
  }

  #widen(): void {
    this.#rejections = 0;
    this.#ramp = this.#ramp >= RAMP_END ? Infinity : this.#ramp + 1;
  }

  #block(error: RateLimitError): void {
    const now = performance.now();
    // Submits that were in flight together are rejected together: that counts once.
    if (now >= this.#blockedUntil) this.#rejections++;
    const delayMs = Math.min(getRetryDelay(this.#rejections, error), MINUTE_MS);
    this.#blockedUntil = Math.max(this.#blockedUntil, now + delayMs);
    this.#lastError = error;
    this.#ramp = 1;
  }

  /** Grants what may be granted, and comes back when more may be. */
  #run(): void {
    clearTimeout(this.#timer);
    const next = () => this.#retry.values().next().value ?? this.#waiting.values().next().value;
    for (let waiter = next(); waiter !== undefined; waiter = next()) {
      if (waiter.deadlineAt <= this.#blockedUntil && this.#blockedUntil > performance.now()) {
        this.#remove(waiter);
        waiter.reject(this.#lastError);
        continue;
      }
      const delayMs = this.#getDelay();
      if (delayMs > 0) {
        if (delayMs <= MAX_TIMER_MS) this.#timer = setTimeout(() => this.#run(), Math.ceil(delayMs));
        return;
      }
      this.#remove(waiter);
      this.#granted++;
      this.#submitting++;
      this.#running++;
      waiter.resolve(new Slot(this));
    }
  }

  #remove(waiter: Waiter): void {
    this.#retry.delete(waiter);
    this.#waiting.delete(waiter);
  }

  /** Returns how long until a submit may begin; Infinity: when another one ends. */
  #getDelay(): number {
    const { perMinute, concurrency } = this.#limits;
    const now = performance.now();
    if (this.#running >= concurrency || this.#submitting >= this.#ramp) return Infinity;
    if (perMinute < Infinity) {
      while ((this.#sentAt[0] ?? now) <= now - MINUTE_MS) this.#sentAt.shift();
      if (this.#sentAt.length + this.#granted >= perMinute) {
        const oldest = this.#sentAt[0];
        return this.#granted >= perMinute || oldest === undefined ? Infinity : oldest + MINUTE_MS - now;
      }
    }
    return Math.max(0, this.#blockedUntil - now);
  }
}

/** Marks a task that was submitted before: it says nothing about the rate. */
const TRACKED = Symbol('tracked');
