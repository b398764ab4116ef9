/** Paces the submits of one client by the account's limits and the service's 429 responses. */
import { ApiError, RateLimitError } from '../core/errors/index.js';
import { MAX_TIMER_MS, addAbortListener } from '../utils/abort.js';
import { getRetryDelay } from './retry.js';

export interface Limits {
  perMinute: number;
  concurrency: number;
}

/** After this many accepted submits following a 429, the number in flight is unlimited again. */
const RAMP_END = 64;
const MINUTE_MS = 60_000;

/** How long a submit with an unknown outcome keeps its slot: as long as its task may run. */
const HOLD_MS = 30 * MINUTE_MS;

interface Waiter {
  deadlineAt: number;
  resolve: (slot: Slot) => void;
  reject: (error: unknown) => void;
}

export class Slot {
  readonly #limiter: SubmitLimiter;
  #state: 'granted' | 'sent' | 'running' | 'released' = 'granted';

  constructor(limiter: SubmitLimiter) {
    this.#limiter = limiter;
  }

  markSent(): void {
    if (this.#state !== 'granted') return;
    this.#state = 'sent';
    this.#limiter.onSent();
  }

  markSubmitted(error?: unknown): void {
    if (this.#state !== 'granted' && this.#state !== 'sent') return;
    this.#limiter.onSubmitted(this.#state === 'sent', error);
    this.#state = 'running';
  }

  /** Releases it later: there may be a task that runs. */
  hold(): void {
    this.#limiter.onHeld(this);
  }

  release(): void {
    this.markSubmitted();
    if (this.#state === 'released') return;
    this.#state = 'released';
    this.#limiter.onReleased(this);
  }
}

export class SubmitLimiter {
  readonly #limits: Limits;
  /** First come, first served; retried submits first. */
  readonly #retry = new Set<Waiter>();
  readonly #waiting = new Set<Waiter>();
  /** Start times of the POSTs of the last minute, by `performance.now()`. */
  readonly #sentAt: number[] = [];
  #granted = 0;
  #submitting = 0;
  #running = 0;
  /** Slots of submits with an unknown outcome, and when they end, in this order. */
  readonly #held = new Map<Slot, number>();
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
   * @throws {RateLimitError} the last one, if no submit is allowed before the deadline.
   */
  async acquire(signal: AbortSignal | undefined, deadlineAt: number, isRetry = false): Promise<Slot> {
    signal?.throwIfAborted();
    const queue = isRetry ? this.#retry : this.#waiting;
    let removeListener: (() => void) | undefined;
    try {
      return await new Promise<Slot>((resolve, reject) => {
        const waiter = { deadlineAt, resolve, reject };
        queue.add(waiter);
        removeListener =
          signal &&
          addAbortListener(signal, () => {
            // At once: a slot that is granted to a call that has ended would never be released.
            queue.delete(waiter);
            const isRateLimited = performance.now() >= deadlineAt && this.#submitting >= this.#ramp;
            reject(isRateLimited ? this.#lastError : signal.reason);
          });
        this.#run();
      });
    } finally {
      if (this.#waiting.size + this.#retry.size === 0) clearTimeout(this.#timer);
      removeListener?.();
    }
  }

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
    // Rejected for another reason than the rate.
    else if (error === undefined || error instanceof ApiError) this.#widen();
    this.#run();
  }

  onHeld(slot: Slot): void {
    this.#held.set(slot, performance.now() + HOLD_MS);
    // For those who wait already.
    this.#run();
  }

  onReleased(slot: Slot): void {
    this.#held.delete(slot);
    this.#running--;
    this.#run();
  }

  #widen(): void {
    this.#rejections = 0;
    this.#ramp = this.#ramp >= RAMP_END ? Infinity : this.#ramp + 1;
  }

  #block(error: RateLimitError): void {
    const now = performance.now();
    // Submits in flight together are rejected together, which counts as one rejection.
    if (now >= this.#blockedUntil) this.#rejections++;
    const delayMs = Math.min(getRetryDelay(this.#rejections, error), MINUTE_MS);
    this.#blockedUntil = Math.max(this.#blockedUntil, now + delayMs);
    this.#lastError = error;
    this.#ramp = 1;
  }

  #run(): void {
    for (const [slot, heldUntil] of this.#held) if (heldUntil <= performance.now()) slot.release();
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

  /** Returns the milliseconds until the next submit may begin; Infinity if another one must end first. */
  #getDelay(): number {
    const { perMinute, concurrency } = this.#limits;
    const now = performance.now();
    if (this.#submitting >= this.#ramp) return Infinity;
    if (this.#running >= concurrency) {
      const [heldUntil = Infinity] = this.#held.values();
      return Math.max(1, heldUntil - now);
    }
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

/** Marks a task that was submitted earlier and does not affect the rate. */
const TRACKED = Symbol('tracked');
