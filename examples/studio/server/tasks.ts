/** The life of a task in the studio: made once for each click, followed to its end, also after a restart. */
import { pathToFileURL } from 'node:url';
import {
  type CompletedPrediction,
  estimateCost,
  IdempotencyConflictError,
  isTerminal,
  type ModelId,
  type ModelInput,
  NotFoundError,
  type Prediction,
  PredictionFailedError,
  SubmissionUnknownError,
  WaitTimeoutError,
  type WaveSpeedKling,
  WaveSpeedError,
} from 'wavespeed-kling';
import { replaceReferences, toRequestFields } from '../shared/references.js';
import type { CandidateView, MakeRequest, StudioInput } from '../shared/types.js';
import type { Budget } from './budget.js';
import { checkRequest } from './check-request.js';
import type { Events } from './events.js';
import type { ReferenceFiles } from './files.js';
import { toProblem } from './problems.js';
import type { StudioTask, TaskStore } from './store.js';
import type { Uploads } from './uploads.js';
import { promptOf, type Views } from './views.js';
import type { Webhooks } from './webhooks.js';

export interface TaskParts {
  kling: WaveSpeedKling;
  store: TaskStore;
  files: ReferenceFiles;
  budget: Budget;
  events: Events;
  views: Views;
  uploads: Uploads;
  webhooks: Webhooks;
  /** Webhooks tell of the end alone: the steps before it are seen by polling. */
  pollIntervalMs: number;
}

export class Tasks {
  readonly #parts: TaskParts;
  readonly #stop = new AbortController();
  readonly #followed = new Map<string, Promise<void>>();
  /** Errors of submits with an unknown outcome: they can list their candidates. */
  readonly #unknown = new Map<string, SubmissionUnknownError>();

  constructor(parts: TaskParts) {
    this.#parts = parts;
  }

  /** Takes every unfinished task up again. */
  resume(): void {
    for (const task of this.#parts.store.all()) {
      if (task.state === 'open' || task.state === 'unknown') this.follow(task);
    }
  }

  /**
   * Starts a task, or returns the one that this click has started already.
   *
   * @throws {InvalidInputError | BudgetExceededError | IdempotencyConflictError} and nothing is started.
   */
  async make(request: MakeRequest): Promise<StudioTask> {
    const { store, files, budget } = this.#parts;
    const known = store.get(request.key);
    if (known !== undefined) return sameRequest(known, request);
    await checkRequest(request, files);
    const { key, input } = request;
    const model = request.model as ModelId;
    const cost = await this.#cost(request);
    await budget.spend({ key, cost });
    // A second click can have come in meanwhile. From here to the store there is no pause.
    const racing = store.get(key);
    if (racing !== undefined) return sameRequest(racing, request);
    const task: StudioTask = { key, model, input, cost, createdAt: new Date().toISOString(), state: 'open' };
    await store.save(task);
    this.follow(task);
    return task;
  }

  /** @throws {InvalidInputError} for a request that would not be made. */
  async price(request: Omit<MakeRequest, 'key'>): Promise<number> {
    await checkRequest(request, this.#parts.files);
    return this.#cost(request);
  }

  /** Follows a task to its end, unless that is done already. */
  follow(task: StudioTask): void {
    if (this.#followed.has(task.key)) return;
    task.state = 'open';
    delete task.problem;
    this.#changed(task);
    const done = this.#follow(task)
      .catch((error: unknown) => this.#failed(task, error))
      .finally(() => this.#followed.delete(task.key));
    this.#followed.set(task.key, done);
  }

  /** Lists the tasks that a submit with an unknown outcome may have started. */
  async candidates(task: StudioTask): Promise<CandidateView[]> {
    const found = await this.#unknown.get(task.key)?.candidates();
    return (found ?? []).map((candidate) => ({
      id: candidate.id,
      status: candidate.status,
      createdAt: candidate.created_at,
      prompt: promptOf(candidate),
      ...(candidate.exactMatch !== undefined && { exactMatch: candidate.exactMatch }),
    }));
  }

  /** Resolves an unknown outcome by hand: it is this task, or (null) none, and is submitted again. */
  async resolve(task: StudioTask, id: string | null): Promise<void> {
    await this.#parts.kling.resolve(task.key, id);
    this.#unknown.delete(task.key);
    if (id !== null) task.id = id;
    await this.#parts.store.save(task);
    this.follow(task);
  }

  /** Ends everything that is being waited for; the tasks themselves go on, and are followed after the next start. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('The studio is being closed.'));
    await Promise.allSettled(this.#followed.values());
  }

  /** The list price, or what the service says: it measures the files, which are uploaded for it. */
  async #cost({ model, input }: Omit<MakeRequest, 'key'>): Promise<number> {
    const id = model as ModelId;
    const known = estimateCost(id, toRequestFields(input));
    if (known !== undefined) return known;
    const { signal } = this.#stop;
    const asked = this.#withFiles(input) as ModelInput<ModelId>;
    return (await this.#parts.kling.quote(id, asked, { signal })).discounted_price;
  }

  #withFiles(input: StudioInput): Record<string, unknown> {
    return replaceReferences(input, (reference) =>
      'file' in reference ? pathToFileURL(this.#parts.files.path(reference.file)) : reference.url,
    );
  }

  async #follow(task: StudioTask): Promise<void> {
    const { kling, webhooks, pollIntervalMs } = this.#parts;
    const { signal } = this.#stop;
    const onUpdate = (prediction: Prediction) => this.#seen(task, prediction);
    const ended =
      task.id === undefined
        ? await this.#run(task, onUpdate)
        : await kling.wait(task.id, { signal, onUpdate, pollIntervalMs, webhookReceiver: webhooks.receiver });
    await this.#end(task, ended);
  }

  async #run(
    task: StudioTask,
    onUpdate: (prediction: Prediction) => Promise<void>,
  ): Promise<CompletedPrediction> {
    const { kling, budget, uploads, webhooks, pollIntervalMs } = this.#parts;
    const { signal } = this.#stop;
    // Also for one that was rejected, or found after a restart.
    await budget.spend(task);
    await uploads.upload(task, signal, () => this.#changed(task));
    return kling.run(task.model, this.#withFiles(task.input) as ModelInput<ModelId>, {
      signal,
      onUpdate,
      onSubmitted: onUpdate,
      pollIntervalMs,
      // The same click, after a crash as well, gets the same task.
      idempotencyKey: task.key,
      maxCost: task.cost,
      ...(await webhooks.options()),
    });
  }

  /** Keeps what was last seen of a task. Its id is on disk before the first poll. */
  async #seen(task: StudioTask, prediction: Prediction): Promise<void> {
    const isNew = task.id === undefined;
    task.id = prediction.id;
    task.prediction = prediction;
    if (isNew) await this.#parts.store.save(task);
    this.#changed(task);
  }

  async #end(task: StudioTask, prediction: Prediction): Promise<void> {
    task.id = prediction.id;
    task.prediction = prediction;
    task.state = 'ended';
    task.endedAt = new Date().toISOString();
    await this.#parts.store.save(task);
    if (prediction.status !== 'completed') await this.#parts.budget.giveBack(task);
    this.#changed(task);
  }

  async #failed(task: StudioTask, error: unknown): Promise<void> {
    const predictionId = WaveSpeedError.isInstance(error) ? error.predictionId : undefined;
    if (predictionId !== undefined) task.id = predictionId;
    if (PredictionFailedError.isInstance(error)) {
      task.problem = toProblem(error);
      return this.#end(task, error.prediction);
    }
    if (this.#stop.signal.aborted) return this.#parts.store.save(task);
    // The task goes on, and so does the studio.
    if (WaitTimeoutError.isInstance(error)) return this.#follow(task);
    if (!WaveSpeedError.isInstance(error)) console.error(error);
    task.problem = toProblem(error);
    if (SubmissionUnknownError.isInstance(error) && predictionId === undefined) {
      this.#unknown.set(task.key, error);
      task.state = 'unknown';
    } else if (NotFoundError.isInstance(error) && task.id !== undefined) {
      task.state = 'ended';
      task.problem = { name: error.name, message: 'The service no longer has this task.' };
    } else {
      task.state = task.id === undefined ? 'rejected' : 'paused';
      if (task.state === 'rejected') await this.#parts.budget.giveBack(task);
    }
    await this.#parts.store.save(task);
    this.#changed(task);
  }

  #changed(task: StudioTask): void {
    const { events, views, budget, store } = this.#parts;
    if (store.get(task.key) === undefined) return;
    events.publish('task', views.ofMine(task));
    if (task.prediction === undefined || isTerminal(task.prediction.status)) {
      events.publish('budget', budget.view());
    }
  }
}

/** @throws {IdempotencyConflictError} where the same key comes with another input. */
function sameRequest(known: StudioTask, { key, model, input }: MakeRequest): StudioTask {
  if (known.model === model && JSON.stringify(known.input) === JSON.stringify(input)) return known;
  throw new IdempotencyConflictError(key, 'This click has made another video already. Click again.');
}
