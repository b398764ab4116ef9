/**
 * One task: its status follows from the clock, unless the test has said what it is.
 */
import { FAILED_STATUSES, isTerminal, type Prediction } from '../../core/prediction.js';
import type { EmulatorClock } from './clock.js';
import type { Settings } from '../options.js';

/** A task of the emulated account, and what a test can do to it. */
export interface EmulatedTask {
  readonly id: string;
  readonly model: string;
  /** The fields it was made from, the defaults filled in. */
  readonly input: Readonly<Record<string, unknown>>;
  /** When it was made, in milliseconds since 1970. */
  readonly createdMs: number;
  /** The same as the service writes it. */
  readonly created_at: string;
  /** Its status now. */
  readonly status: string;
  /** What it cost, in US dollars. */
  readonly cost: number;
  /** Whether that was given back, as it is 3 hours after a failure. */
  readonly refunded: boolean;
  /** Whether it was removed from the history. */
  readonly deleted: boolean;
  /** Where its webhook goes, if one was asked for. */
  readonly webhook: string | undefined;
  /** Gives the task as the service would show it now. */
  prediction(): Prediction;
  /** Ends it now, with a video. */
  complete(): void;
  /** Ends it now, without one. */
  fail(message?: string): void;
  /**
   * Puts fields of your own into what the service shows; `undefined` takes one out. A `status` stays as you set
   * it, whatever the clock says: `set({ status: 'processing' })` holds the task there.
   */
  set(fields: { status?: string } & Record<string, unknown>): void;
}

/** Everything a task is made from. */
export interface TaskSeed {
  id: string;
  model: string;
  input: Record<string, unknown>;
  createdMs: number;
  created_at: string;
  costMilli: number;
  webhook?: string | undefined;
  /** What stands before `/api/v3` for the caller that made it. */
  apiBase: string;
  /** What its outputs' URLs begin with. */
  outputBase: string;
}

/** What a task asks of the emulator around it. */
export interface TaskSurroundings {
  clock: EmulatorClock;
  settings: Settings;
  /** Told when a submit made one. */
  submitted(task: Task): void;
  /** Told when the test has changed one. */
  changed(task: Task): void;
}

const REFUND_MS = 3 * 60 * 60 * 1000;
const DEFAULT_FAILURE = 'The task failed: the content could not be generated.';

/** The implementation of `EmulatedTask`, with what only the emulator may do. */
export class Task implements EmulatedTask {
  readonly id: string;
  readonly model: string;
  readonly input: Record<string, unknown>;
  readonly createdMs: number;
  readonly created_at: string;
  readonly costMilli: number;
  readonly webhook: string | undefined;
  deleted = false;

  readonly #seed: TaskSeed;
  readonly #around: TaskSurroundings;
  /** What the test, or `failWith`, made of it. */
  #ending: { status: string; atMs: number; error: string } | undefined;
  #fields: Record<string, unknown> = {};

  constructor(seed: TaskSeed, around: TaskSurroundings) {
    this.#seed = seed;
    this.#around = around;
    this.id = seed.id;
    this.model = seed.model;
    this.input = seed.input;
    this.createdMs = seed.createdMs;
    this.created_at = seed.created_at;
    this.costMilli = seed.costMilli;
    this.webhook = seed.webhook;
  }

  get cost(): number {
    return this.costMilli / 1000;
  }

  /** When it ends by the clock alone. */
  get dueMs(): number {
    const { createdMs, processingMs } = this.#around.settings;
    return this.createdMs + createdMs + processingMs;
  }

  get status(): string {
    if (typeof this.#fields['status'] === 'string') return this.#fields['status'];
    if (this.#ending !== undefined) return this.#ending.status;
    const now = this.#around.clock.now();
    if (now >= this.dueMs) return this.#around.settings.failWith === undefined ? 'completed' : 'failed';
    return now >= this.createdMs + this.#around.settings.createdMs ? 'processing' : 'created';
  }

  get ended(): boolean {
    return isTerminal(this.status);
  }

  get refunded(): boolean {
    if (!(FAILED_STATUSES as readonly string[]).includes(this.status)) return false;
    return this.#around.clock.now() >= this.#endedMs() + REFUND_MS;
  }

  complete(): void {
    this.#end('completed', '');
  }

  fail(message: string = DEFAULT_FAILURE): void {
    this.#end('failed', message);
  }

  set(fields: { status?: string } & Record<string, unknown>): void {
    this.#fields = { ...this.#fields, ...fields };
    if (typeof fields.status === 'string' && isTerminal(fields.status)) {
      this.#ending = { status: fields.status, atMs: this.#around.clock.now(), error: '' };
    }
    this.#around.changed(this);
  }

  prediction(): Prediction {
    const status = this.status;
    const completed = status === 'completed';
    const { nsfw, processingMs, returnInput } = this.#around.settings;
    const shown: Prediction = {
      id: this.id,
      model: this.model,
      outputs: completed ? [`${this.#seed.outputBase}/outputs/${this.id}/1.mp4`] : [],
      urls: { get: `${this.#seed.apiBase}/api/v3/predictions/${this.id}/result` },
      has_nsfw_contents: completed ? [nsfw] : [],
      status,
      created_at: this.created_at,
      error: (FAILED_STATUSES as readonly string[]).includes(status) ? this.#failure() : '',
      timings: { inference: isTerminal(status) ? Math.round(processingMs) : 0 },
      ...(returnInput ? { input: this.input } : {}),
    };
    for (const [field, value] of Object.entries(this.#fields)) {
      if (value === undefined) delete shown[field];
      else shown[field] = value;
    }
    return shown;
  }

  #failure(): string {
    return this.#ending?.error || this.#around.settings.failWith || DEFAULT_FAILURE;
  }

  #endedMs(): number {
    return this.#ending?.atMs ?? this.dueMs;
  }

  #end(status: string, error: string): void {
    delete this.#fields['status'];
    delete this.#fields['error'];
    this.#ending = { status, atMs: this.#around.clock.now(), error };
    this.#around.changed(this);
  }
}
