/** One call of the client: when it ends, and how long its last steps may outlast that. */
import { MAX_TIMER_MS, addAbortListener, delay, raceAbort } from './abort.js';
import { setDeadlineTimer } from './deadline-timer.js';

export interface CallLimits {
  /** Ends the call: the caller's signal. */
  signal?: AbortSignal | undefined;
  /** @default no time limit */
  timeoutMs?: number | undefined;
  /** Creates the reason with which `call.signal` aborts at the deadline. */
  createTimeoutError?: ((timeoutMs: number) => unknown) | undefined;
  /** Retries of each request of the call. @default 0 */
  maxRetries?: number | undefined;
  /** Ends the call too, but not between `commit` and `rollback`: a batch that stops new submits. */
  stop?: AbortSignal | undefined;
}

/** Timers of the runtime, in case a test replaces the global ones and never advances its clock. */
const runtime = { setTimeout, clearTimeout };

/** How long the last steps of a call may outlast its end. */
const GRACE_MS = 5000;

export class Call {
  /** By `performance.now()`, as `deadlineAt`. */
  readonly startedAt = performance.now();
  readonly maxRetries: number;
  readonly stop: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #createTimeoutError: () => unknown;
  readonly #removeListeners: (() => void)[] = [];
  #deadlineAt: number;
  #timer: NodeJS.Timeout | undefined;
  #isCommitted = false;
  #hasExpired = false;

  constructor(limits: CallLimits) {
    const { signal, timeoutMs = Infinity, createTimeoutError, maxRetries = 0, stop } = limits;
    this.maxRetries = maxRetries;
    this.stop = stop;
    this.#createTimeoutError = () =>
      createTimeoutError?.(timeoutMs) ?? new Error(`timeoutMs (${timeoutMs} ms) ran out`);
    this.#deadlineAt = this.startedAt + timeoutMs;
    if (signal !== undefined) this.#listen(signal, () => this.#controller.abort(signal.reason));
    if (stop !== undefined) this.#listen(stop, () => this.#heedStop());
    this.#startTimer();
  }

  /** Aborts at the caller's signal, at the deadline, or at a batch's stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get deadlineAt(): number {
    return this.#deadlineAt;
  }

  /** Whether the deadline ended the call, and not an abort. */
  get hasExpired(): boolean {
    return this.#hasExpired;
  }

  /** Whether an abort ended the call, and not the deadline. */
  get wasAborted(): boolean {
    return this.signal.aborted && !this.#hasExpired;
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Also throws if the deadline has passed and its timer has not fired yet, as after a freeze. */
  throwIfEnded(): void {
    if (performance.now() >= this.#deadlineAt) this.#expire();
    this.signal.throwIfAborted();
  }

  /** Whether this ended the call. Such an error is the caller's, and says nothing about this call's request. */
  isReason(error: unknown): boolean {
    return this.signal.aborted && error === this.signal.reason;
  }

  /** Resolves as the promise does, or rejects with the signal's reason when the call ends. */
  run<T>(promise: Promise<T>): Promise<T> {
    return raceAbort(promise, this.signal);
  }

  sleep(ms: number): Promise<void> {
    return delay(ms, this.signal);
  }

  /** Like `run`, but waits some seconds longer: for what may name a paid task, or store it. */
  async grace<T>(promise: Promise<T>): Promise<T> {
    let stopTimers: () => void = () => undefined;
    let removeListener: () => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      removeListener = addAbortListener(this.signal, () => {
        const onTimeout = () => reject(this.signal.reason);
        // By the clock of a test, or by the real one if the test's stands still.
        const [timer, realTimer] = [setTimeout(onTimeout, GRACE_MS), runtime.setTimeout(onTimeout, GRACE_MS)];
        stopTimers = () => {
          clearTimeout(timer);
          runtime.clearTimeout(realTimer);
        };
      });
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      removeListener();
      stopTimers();
    }
  }

  /** Moves the deadline. */
  extend(ms: number): void {
    this.#stopTimer();
    this.#deadlineAt += ms;
    this.#startTimer();
  }

  /** Waits without a deadline, which then moves by the time that this took. */
  async untimed<T>(work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    this.#stopTimer();
    try {
      return await work();
    } finally {
      this.extend(performance.now() - startedAt);
    }
  }

  /** From now on `stop` does not end the call: a request that costs money is on its way. */
  commit(): void {
    this.#isCommitted = true;
  }

  /** The request was refused: `stop` counts again. */
  rollback(): void {
    this.#isCommitted = false;
    this.#heedStop();
  }

  /** Ends the call now. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Frees the timer and the listeners. */
  close(): void {
    this.#stopTimer();
    for (const removeListener of this.#removeListeners.splice(0)) removeListener();
  }

  #listen(signal: AbortSignal, onAbort: () => void): void {
    this.#removeListeners.push(addAbortListener(signal, onAbort));
  }

  #heedStop(): void {
    if (this.stop?.aborted === true && !this.#isCommitted) this.#controller.abort(this.stop.reason);
  }

  #startTimer(): void {
    const remainingMs = this.#deadlineAt - performance.now();
    if (remainingMs > MAX_TIMER_MS) return;
    const onDeadline = () => {
      if (this.#timer === timer) this.#expire();
    };
    const timer = setDeadlineTimer(onDeadline, Math.max(0, remainingMs));
    this.#timer = timer;
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    if (this.signal.aborted) return;
    this.#hasExpired = true;
    this.#controller.abort(this.#createTimeoutError());
  }
}
