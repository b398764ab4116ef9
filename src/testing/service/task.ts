/** One task: its status follows the clock unless the test sets it. */
import { FAILED_STATUSES, isTerminal, type Prediction } from '../../core/prediction.js';
import type { Settings } from '../options.js';
import type { EmulatorClock } from './clock.js';

/** A task of the emulated account, and its controls. */
export interface EmulatedTask {
  readonly id: string;
  readonly model: string;
  /** The request's fields with defaults filled in. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Creation time, in milliseconds since 1970. */
  readonly createdAt: number;
  /** Creation time as the service writes it. */
  readonly created_at: string;
  /** Current status. */
  readonly status: string;
  /** Price, in US dollars. */
  readonly cost: number;
  /** Whether the price was refunded: 3 hours after a failure. */
  readonly refunded: boolean;
  /** Whether the task was deleted from the history. */
  readonly deleted: boolean;
  /** URL of the webhook, if the submit has one. */
  readonly webhook: string | undefined;
  /** Returns the prediction as the service would show it now. */
  prediction(): Prediction;
  /** Completes the task now. */
  complete(): void;
  /** Fails the task now, with an error message and a service code (`data.code`). */
  fail(message?: string, code?: number): void;
  /**
   * Overrides fields of the prediction; `undefined` removes one. A `status` stays until it is changed, whatever the
   * clock says: `set({ status: 'processing' })` keeps the task there.
   */
  set(fields: { status?: string } & Record<string, unknown>): void;
}

export interface TaskParams {
  id: string;
  model: string;
  input: Record<string, unknown>;
  createdAt: number;
  created_at: string;
  /** In US dollars. */
  cost: number;
  webhook?: string | undefined;
  /** Base URL of the caller that submitted it, before `/api/v3`. */
  apiBase: string;
  outputBase: string;
  /** Whether it fails with the emulator's `failWith`. @default true, if there is one */
  fails?: boolean;
  waiting?: boolean;
}

export interface TaskContext {
  clock: EmulatorClock;
  settings: Settings;
  startWaiting(): void;
  /** Resolves with true when the task has ended, or with false after `limitMs`. */
  whenEnded(task: Task, limitMs: number): Promise<boolean>;
  submitted(task: Task): void;
  changed(): void;
}

const REFUND_MS = 3 * 60 * 60 * 1000;
const DEFAULT_FAILURE = 'The task failed: the content could not be generated.';
const DEFAULT_CODE = 1403;

const isFailed = (status: string) => (FAILED_STATUSES as readonly string[]).includes(status);

export class Task implements EmulatedTask {
  readonly id: string;
  readonly model: string;
  readonly input: Record<string, unknown>;
  readonly createdAt: number;
  readonly created_at: string;
  readonly cost: number;
  readonly webhook: string | undefined;
  startedAt: number | undefined;

  readonly #params: TaskParams;
  readonly #context: TaskContext;
  #deletedAt: number | undefined;
  #ending: { status: string; at: number; error: string; code?: number | undefined } | undefined;
  #fields: Record<string, unknown> = {};

  constructor(params: TaskParams, context: TaskContext) {
    this.#params = params;
    this.#context = context;
    this.id = params.id;
    this.model = params.model;
    this.input = params.input;
    this.createdAt = params.createdAt;
    this.created_at = params.created_at;
    this.cost = params.cost;
    this.webhook = params.webhook;
    this.startedAt = params.waiting === true ? undefined : params.createdAt;
  }

  /** Time at which it ends by the clock alone; Infinity while it waits. */
  get dueAt(): number {
    if (this.startedAt === undefined) return Number.POSITIVE_INFINITY;
    const { queueMs, processingMs } = this.#context.settings;
    return this.startedAt + queueMs + processingMs;
  }

  get releasedAt(): number {
    if (this.#deletedAt !== undefined) return this.#deletedAt;
    const { status } = this.#fields;
    // A task whose status the test has set does not end, even when its time is over.
    if (typeof status === 'string' && !isTerminal(status)) return Number.POSITIVE_INFINITY;
    return this.#ending?.at ?? this.dueAt;
  }

  get status(): string {
    this.#context.startWaiting();
    if (typeof this.#fields['status'] === 'string') return this.#fields['status'];
    if (this.#ending !== undefined) return this.#ending.status;
    const now = this.#context.clock.now();
    const { failWith, queueMs } = this.#context.settings;
    const fails = failWith !== undefined && (this.#params.fails ?? true);
    if (now >= this.dueAt) return fails ? 'failed' : 'completed';
    return this.startedAt !== undefined && now >= this.startedAt + queueMs ? 'processing' : 'created';
  }

  get ended(): boolean {
    return isTerminal(this.status);
  }

  get deleted(): boolean {
    return this.#deletedAt !== undefined;
  }

  get failed(): boolean {
    return isFailed(this.status);
  }

  get refunded(): boolean {
    return this.failed && this.#context.clock.now() >= this.refundAt;
  }

  get refundAt(): number {
    return (this.#ending?.at ?? this.dueAt) + REFUND_MS;
  }

  complete(): void {
    this.#end('completed', '');
  }

  fail(message: string = DEFAULT_FAILURE, code?: number): void {
    this.#end('failed', message, code);
  }

  set(fields: { status?: string } & Record<string, unknown>): void {
    this.#fields = { ...this.#fields, ...fields };
    if (typeof fields.status === 'string' && isTerminal(fields.status)) {
      this.#ending = { status: fields.status, at: this.#context.clock.now(), error: '' };
    }
    this.#context.changed();
  }

  delete(): void {
    this.#deletedAt = this.#context.clock.now();
    this.#context.changed();
  }

  prediction(): Prediction {
    return this.#show(this.#context.settings.returnInput ? 'input' : undefined);
  }

  listItem(includeInputs: boolean): Prediction {
    const { listInputs } = this.#context.settings;
    return this.#show(includeInputs && listInputs !== 'never' ? listInputs : undefined);
  }

  #show(inputField: string | undefined): Prediction {
    const status = this.status;
    const completed = status === 'completed';
    const { nsfw, processingMs, failCode, failWith } = this.#context.settings;
    const shown: Prediction = {
      id: this.id,
      model: this.model,
      outputs: completed ? [`${this.#params.outputBase}/outputs/${this.id}/1.mp4`] : [],
      urls: { get: `${this.#params.apiBase}/api/v3/predictions/${this.id}/result` },
      has_nsfw_contents: completed ? [nsfw] : [],
      status,
      created_at: this.created_at,
      error: isFailed(status) ? this.#ending?.error || failWith || DEFAULT_FAILURE : '',
      timings: { inference: isTerminal(status) ? Math.round(processingMs) : 0 },
    };
    if (status === 'failed') shown['code'] = this.#ending?.code ?? failCode ?? DEFAULT_CODE;
    if (inputField !== undefined) shown[inputField] = this.input;
    for (const [field, value] of Object.entries(this.#fields)) {
      if (value === undefined) delete shown[field];
      else shown[field] = value;
    }
    return shown;
  }

  #end(status: string, error: string, code?: number): void {
    delete this.#fields['status'];
    delete this.#fields['error'];
    this.#ending = { status, at: this.#context.clock.now(), error, code };
    this.#context.changed();
  }
}
