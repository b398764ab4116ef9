/** The history of the last 7 days: the account's tasks, a page at a time, with what the studio knows of its own. */
import type { Prediction, WaveSpeedKling } from 'wavespeed-kling';
import { isTerminal } from 'wavespeed-kling';
import type { HistoryView, TaskView } from '../shared/types.js';
import type { Events } from './events.js';
import { toProblem } from './problems.js';
import type { TaskStore } from './store.js';
import type { Views } from './views.js';

const PAGE_SIZE = 12;
/** How many unfinished tasks of others are followed at once. */
const MAX_WATCHED = 50;

export interface HistoryQuery {
  page: number;
  status?: string | undefined;
  model?: string | undefined;
}

export class History {
  readonly #kling: WaveSpeedKling;
  readonly #store: TaskStore;
  readonly #views: Views;
  readonly #events: Events;
  readonly #watched = new Set<string>();
  readonly #stop = new AbortController();

  constructor(kling: WaveSpeedKling, store: TaskStore, views: Views, events: Events) {
    this.#kling = kling;
    this.#store = store;
    this.#views = views;
    this.#events = events;
  }

  async page(query: HistoryQuery): Promise<HistoryView> {
    const listed: Prediction[] = [];
    let hasNext = false;
    let problem;
    try {
      for await (const task of this.#kling.list({ ...query, page_size: PAGE_SIZE, include_inputs: true })) {
        hasNext = listed.length === PAGE_SIZE;
        if (hasNext) break;
        listed.push(task);
      }
    } catch (error) {
      problem = toProblem(error);
    }
    const tasks = [
      ...(query.page === 1 ? this.#unlisted(listed, query) : []),
      ...listed.map((task) => this.#view(task)),
    ];
    tasks.sort((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt));
    return { tasks, page: query.page, hasNext, ...(problem && { problem }) };
  }

  close(): void {
    this.#stop.abort();
  }

  #view(prediction: Prediction): TaskView {
    const mine = this.#store.byId(prediction.id);
    if (mine !== undefined) return this.#views.ofMine(mine);
    if (!isTerminal(prediction.status)) void this.#watch(prediction.id);
    return this.#views.ofOther(prediction);
  }

  /** Lists the studio's tasks that the service's list does not show: not submitted yet, or too new for it. */
  #unlisted(listed: readonly Prediction[], { status, model }: HistoryQuery): TaskView[] {
    const shown = new Set(listed.map(({ id }) => id));
    return this.#store
      .all()
      .filter((task) => task.state !== 'ended' && !(task.id !== undefined && shown.has(task.id)))
      .map((task) => this.#views.ofMine(task))
      .filter((view) => (model ?? view.model) === view.model && (status ?? view.status) === view.status);
  }

  /** Follows an unfinished task that was made elsewhere. */
  async #watch(id: string): Promise<void> {
    if (this.#watched.has(id) || this.#watched.size >= MAX_WATCHED) return;
    this.#watched.add(id);
    try {
      for await (const prediction of this.#kling.watch(id, { signal: this.#stop.signal })) {
        this.#events.publish('task', this.#views.ofOther(prediction));
      }
    } catch {
      // The next look at the history shows it as it is.
    } finally {
      this.#watched.delete(id);
    }
  }
}
