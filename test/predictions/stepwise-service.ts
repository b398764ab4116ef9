/** A service that answers through promises alone, so that a test can act between any two steps of a call. */
import { vi } from 'vitest';
import { KLING_O3_STD, SubmissionUnknownError, WaveSpeedError, type Journal } from 'wavespeed-kling';
import { deferred, done, envelope, isPoll, isSubmit, type SeenRequest, task } from '../support/client.js';

/** Lets so many promises go on, and no timer. */
export async function steps(count: number): Promise<void> {
  for (let step = 0; step < count; step++) await Promise.resolve();
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Lets all promises go on. */
export async function idle(isOver: () => boolean = () => false): Promise<void> {
  for (let count = 0; count < 12 && !isOver(); count++) await turn();
}

/** Moves the faked clock from timer to timer. Resolves to undefined if the promise is still pending after the last one. */
export async function settled<T>(promise: Promise<T>): Promise<T | undefined> {
  let result: { value: T } | undefined;
  void promise.then((value) => (result = { value }));
  for (let quiet = 0; result === undefined && quiet < 10; quiet++) {
    await idle(() => result !== undefined);
    if (result !== undefined || vi.getTimerCount() === 0) continue;
    vi.advanceTimersToNextTimer();
    quiet = 0;
  }
  return result?.value;
}

/** What becomes of a submit. Only `busy` and `refused` start no task. */
export type Fate = 'answered' | 'late' | 'never' | 'reset' | 'error' | 'cut' | 'busy' | 'refused';
export const FATES: Fate[] = ['answered', 'late', 'never', 'reset', 'error', 'cut', 'busy', 'refused'];

export interface Post {
  id: string;
  prompt: string;
  body: unknown;
  createdAt: number;
}

/** How long the history lags behind a submit, and how late a late answer is, in milliseconds. */
export const LAG_MS = 500;
const LATE_MS = 2000;

export class StepwiseService {
  readonly posts: Post[] = [];
  /** Of the next submits, in their order; those after the last are answered. */
  fates: Fate[];

  constructor(fates: readonly Fate[]) {
    this.fates = [...fates];
  }

  readonly answer = async (request: SeenRequest): Promise<Response> => {
    if (isSubmit(request)) return this.#submit(request);
    await steps(3);
    const id = request.path.split('/').at(-2);
    if (isPoll(request)) return envelope(done({ id }));
    const visible = this.posts.filter(({ createdAt }) => Date.now() - createdAt >= LAG_MS);
    const items = visible.map((post) => ({ ...taskOf(post), inputs: post.body })).reverse();
    return envelope({ page: 1, total: items.length, items });
  };

  async #submit({ body }: SeenRequest): Promise<Response> {
    const fate = this.fates.shift() ?? 'answered';
    if (fate === 'busy') return envelope(null, 429, 'busy', { 'retry-after': '1' });
    if (fate === 'refused') return envelope(null, 402, 'no credits');
    const { prompt } = body as { prompt: string };
    const post = { id: `task-${this.posts.length + 1}`, prompt, body, createdAt: Date.now() };
    this.posts.push(post);
    await steps(3);
    if (fate === 'never') return new Promise(() => undefined);
    if (fate === 'reset') throw new TypeError('fetch failed');
    if (fate === 'error') return envelope(null, 500, 'oops');
    if (fate === 'late') await new Promise((resolve) => setTimeout(resolve, LATE_MS));
    const answer = envelope(taskOf(post));
    return fate === 'cut' ? new Response((await answer.text()).slice(0, -20)) : answer;
  }
}

const taskOf = ({ id, createdAt }: Post) => task({ id, created_at: new Date(createdAt).toISOString() });

/** Everything that a process has outside of itself: nothing of it goes on after its death, and no answer comes while it is frozen. */
export class Boundary {
  isDead = false;
  #frozen: ReturnType<typeof deferred<void>> | undefined;
  readonly #buried = deferred<never>();

  constructor() {
    this.#buried.promise.catch(() => undefined);
  }

  freeze(): void {
    this.#frozen ??= deferred();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  /** Ends what still waits in the dead process, whose timers would fire in another test. */
  bury(): void {
    this.#buried.reject(new Error('The process has died.'));
  }

  async cross<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead) return this.#buried.promise;
    const [result] = await Promise.allSettled([work()]);
    while (this.#frozen !== undefined) await this.#frozen.promise;
    if (this.isDead) return this.#buried.promise;
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }

  journal(journal: Required<Journal>): Required<Journal> {
    return {
      ...journal,
      get: (key) => this.cross(() => journal.get(key)),
      put: (...entry) => this.cross(() => journal.put(...entry)),
      find: (id) => this.cross(() => journal.find(id)),
    };
  }
}

/** The error of another call, which names its task: the worst reason that a caller can abort with. */
export const OTHER = new SubmissionUnknownError('The outcome of another call is unknown.', {
  model: KLING_O3_STD,
  input: {},
  submittedAt: new Date(),
  predictionId: 'of another call',
  candidates: async () => [],
});

/** The tasks that an error names, and those that it finds. */
export async function idsOf(error: unknown): Promise<string[]> {
  if (error === OTHER) return [];
  if (error instanceof WaveSpeedError && error.predictionId !== undefined) return [error.predictionId];
  if (!(error instanceof SubmissionUnknownError)) return [];
  return (await error.candidates()).filter(({ exactMatch }) => exactMatch).map(({ id }) => id);
}
