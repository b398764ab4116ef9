/** The tasks of the last 7 days: a page at a time, filtered, and kept up with what the server tells. */
import type { TaskView } from '../shared/types.js';
import { api, RequestFailed, UNREACHABLE } from './api.js';
import { Card, type CardActions } from './card.js';
import { find, setText } from './dom.js';

/** Before the list is read again, in milliseconds. */
const RETRY_MS = 1000;

export class TaskList {
  readonly #cards = new Map<string, Card>();
  readonly #list = find('list');
  readonly #status = find<HTMLSelectElement>('filter-status');
  readonly #model = find<HTMLSelectElement>('filter-model');
  readonly #older = find<HTMLButtonElement>('older');
  readonly #newer = find<HTMLButtonElement>('newer');
  readonly #reuse: (task: TaskView) => void;
  #page = 1;
  #loads = 0;
  /** Keys that were removed here: an event that was on its way must not bring them back. */
  readonly #gone = new Set<string>();

  constructor(reuse: (task: TaskView) => void) {
    this.#reuse = reuse;
    for (const filter of [this.#status, this.#model])
      filter.addEventListener('change', () => void this.load(1));
    this.#older.addEventListener('click', () => void this.#turn(this.#page + 1));
    this.#newer.addEventListener('click', () => void this.#turn(this.#page - 1));
    setInterval(() => {
      if (document.hidden) return;
      for (const card of this.#cards.values()) card.tick();
    }, 1000);
  }

  /** Reads a page again, or another one. */
  async load(page = this.#page): Promise<void> {
    const load = ++this.#loads;
    const query = new URLSearchParams({ page: String(page) });
    if (this.#status.value !== '') query.set('status', this.#status.value);
    if (this.#model.value !== '') query.set('model', this.#model.value);
    try {
      const history = await api.history(query);
      if (load !== this.#loads) return;
      this.#page = page;
      this.#show(history.tasks);
      this.#showPager(history.hasNext);
      // What is wrong with the key stands at the top of the page.
      const isKey = history.problem?.name === 'AuthenticationError';
      this.#showProblem(isKey ? undefined : history.problem?.message);
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      this.#showProblem(error.message);
      // What happened while the server was away is in no event.
      const isAway = error.problem.name === UNREACHABLE.name && load === this.#loads;
      if (isAway) setTimeout(() => void this.load(page), RETRY_MS);
    }
  }

  /** Takes in what has changed. */
  update(task: TaskView): void {
    if (!this.#claim(task)) return;
    const card = this.#cards.get(task.key);
    if (card !== undefined) card.update(task, true);
    else if (this.#page === 1 && this.#matches(task) && !this.#gone.has(task.key)) {
      this.#list.prepend(this.#add(task).element);
      this.#showEmpty();
    }
  }

  remove(key: string): void {
    this.#gone.add(key);
    this.#cards.get(key)?.element.remove();
    this.#cards.delete(key);
    this.#showEmpty();
  }

  /**
   * A task of a click whose response was lost is in the history before the studio knows that it is its own: shown once,
   * as the studio's.
   */
  #claim(task: TaskView): boolean {
    for (const [key, { task: other }] of this.#cards) {
      if (task.id === undefined || other.id !== task.id || key === task.key) continue;
      if (other.isMine) return false;
      this.remove(key);
    }
    return true;
  }

  #add(task: TaskView): Card {
    const actions: CardActions = {
      reuse: this.#reuse,
      changed: (changed) => this.update(changed),
      removed: (key) => this.remove(key),
    };
    const card = new Card(task, actions);
    this.#cards.set(task.key, card);
    return card;
  }

  /** Shows these tasks in this order; cards that are there already stay, with the videos that play in them. */
  #show(tasks: readonly TaskView[]): void {
    const keys = new Set(tasks.map(({ key }) => key));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    for (const [index, task] of tasks.filter((one) => this.#claim(one)).entries()) {
      const known = this.#cards.get(task.key);
      known?.update(task, false);
      const { element } = known ?? this.#add(task);
      if (this.#list.children[index] !== element)
        this.#list.insertBefore(element, this.#list.children[index] ?? null);
    }
    this.#showEmpty();
  }

  async #turn(page: number): Promise<void> {
    await this.load(page);
    find('tasks').focus();
    find('tasks').scrollIntoView({ block: 'start' });
  }

  #matches(task: TaskView): boolean {
    const status = this.#status.value;
    const isOfStatus = status === '' || status === task.status;
    return isOfStatus && (this.#model.value === '' || this.#model.value === task.model);
  }

  #showPager(hasNext: boolean): void {
    find('pager').hidden = !hasNext && this.#page === 1;
    this.#older.disabled = !hasNext;
    this.#newer.disabled = this.#page === 1;
    setText(find('page-number'), `Page ${this.#page}`);
  }

  #showEmpty(): void {
    find('empty').hidden = this.#cards.size > 0;
  }

  #showProblem(message: string | undefined): void {
    find('history-problem').hidden = message === undefined;
    setText(find('history-problem'), message ?? '');
  }
}
