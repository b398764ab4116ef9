/** A submit whose outcome is unknown: shows the tasks it may have started, and lets a person say which. */
import type { CandidateView, TaskView } from '../shared/types.js';
import { api, RequestFailed } from './api.js';
import { h } from './dom.js';
import { statusWord, time } from './format.js';

export class Outcome {
  readonly element = h('div', { class: 'outcome' });
  readonly #onTask: (task: TaskView) => void;

  constructor(onTask: (task: TaskView) => void) {
    this.#onTask = onTask;
  }

  async show(task: TaskView): Promise<void> {
    this.element.replaceChildren(h('p', { class: 'hint' }, 'Looking for the task in the account’s history…'));
    try {
      this.#list(task, await api.candidates(task.key));
    } catch (error) {
      this.#failed(error);
    }
  }

  #list(task: TaskView, candidates: CandidateView[]): void {
    const isNone = candidates.length === 0;
    this.element.replaceChildren(
      h(
        'p',
        {},
        isNone
          ? 'The history shows no such task yet. It can be some seconds late.'
          : 'It may be one of these:',
      ),
      h('ul', { class: 'candidates' }, ...candidates.map((candidate) => this.#candidate(task, candidate))),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', click: () => void this.show(task) }, 'Look again'),
        h(
          'button',
          { type: 'button', click: () => void this.#settle(task, null) },
          'None of them: submit again',
        ),
      ),
    );
  }

  #candidate(task: TaskView, { id, status, createdAt, prompt, exactMatch }: CandidateView): HTMLElement {
    const match =
      exactMatch === true ? 'same input' : exactMatch === false ? 'another input' : 'input not shown';
    return h(
      'li',
      { 'data-exact-match': String(exactMatch ?? 'unknown') },
      h(
        'div',
        {},
        h('b', {}, match),
        ` · ${statusWord(status)} · ${time(createdAt)}`,
        h('p', { class: 'hint' }, prompt),
        h('code', {}, id),
      ),
      h(
        'button',
        {
          type: 'button',
          class: exactMatch === true ? 'primary' : undefined,
          click: () => void this.#settle(task, id),
        },
        'It is this one',
      ),
    );
  }

  async #settle(task: TaskView, id: string | null): Promise<void> {
    try {
      this.#onTask(await api.resolve(task.key, id));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof RequestFailed)) throw error;
    this.element.append(h('p', { class: 'issue', role: 'alert' }, error.message));
  }
}
