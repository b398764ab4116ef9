/** One task: its video, how far it is, what went wrong, and what can be done with it. */
import { isModelId, type ModelFields, models } from 'wavespeed-kling/schemas';
import { referencesOf } from '../shared/references.js';
import type { Reference, TaskView } from '../shared/types.js';
import { api, RequestFailed } from './api.js';
import { toCommand, toTypeScript } from './code.js';
import { words } from './controls.js';
import { announce, h, setAttribute, setText } from './dom.js';
import { dollars, isRunning, modelName, seconds, statusWord, time } from './format.js';
import { Outcome } from './outcome.js';
import { Stage, videoUrl } from './stage.js';

/** A submit without a response for this long is explained, in milliseconds. */
const LATE_MS = 6000;
const NO_RESPONSE =
  'No response to the submit so far. It is not repeated: the studio looks for the task in the account’s history.';

export interface CardActions {
  /** Puts the task's fields into the form. */
  reuse: (task: TaskView) => void;
  changed: (task: TaskView) => void;
  removed: (key: string) => void;
}

export class Card {
  task: TaskView;
  readonly element: HTMLElement;
  readonly #actions: CardActions;
  readonly #stage: Stage;
  readonly #pill = h('span', { class: 'pill' });
  readonly #uploads = h('div', { class: 'uploads' });
  readonly #problem = h('p', { class: 'issue' });
  readonly #note = h('p', { class: 'note', hidden: true }, NO_RESPONSE);
  readonly #buttons = h('div', { class: 'actions' });
  readonly #outcome: Outcome;
  #shownFor = '';

  constructor(task: TaskView, actions: CardActions) {
    this.task = task;
    this.#actions = actions;
    this.#stage = new Stage(task);
    this.#outcome = new Outcome(actions.changed);
    const title = h('h3', { class: 'prompt' }, task.input.prompt || 'A video made elsewhere');
    const head = h(
      'div',
      { class: 'card-head' },
      this.#pill,
      h('time', { datetime: task.createdAt }, time(task.createdAt)),
    );
    const details = h(
      'div',
      { class: 'details' },
      head,
      title,
      makeFacts(task),
      makeReferences(task),
      this.#uploads,
      this.#problem,
      this.#note,
      this.#outcome.element,
      this.#buttons,
      makeCode(task),
    );
    this.element = h('article', { class: 'card' }, this.#stage.element, details);
    this.update(task, false);
  }

  /** @param isLive Whether it changed just now, and was not only read again. */
  update(task: TaskView, isLive: boolean): void {
    if (task.seenAt < this.task.seenAt) return;
    const before = this.task.status;
    this.task = task;
    const isUnknown = task.status === 'unknown';
    // A task that may exist has no id of the service yet; its click's key names it.
    setAttribute(this.element, 'data-task-id', task.id ?? (isUnknown ? task.key : undefined));
    setAttribute(this.element, 'data-status', task.status);
    setText(this.#problem, task.problem?.message ?? '');
    setAttribute(this.#problem, 'role', task.problem === undefined ? undefined : 'alert');
    this.#showUploads();
    const shown = `${task.status} ${task.id ?? ''}`;
    if (shown !== this.#shownFor) {
      this.#shownFor = shown;
      this.#buttons.replaceChildren(...this.#makeButtons());
      if (isUnknown) void this.#outcome.show(task);
      else this.#outcome.element.replaceChildren();
    }
    this.#stage.update(task, isLive && before !== 'completed');
    this.tick();
    if (isLive && before !== task.status)
      announce(`${task.input.prompt.slice(0, 60)}: ${statusWord(task.status)}.`);
  }

  /** Shows the seconds. */
  tick(): void {
    const { status, createdAt, endedAt } = this.task;
    const from = Date.parse(createdAt);
    const took = endedAt === undefined ? '' : ` in ${seconds(Date.parse(endedAt) - from)}`;
    const since = isRunning(status) ? ` · ${seconds(Date.now() - from)}` : status === 'completed' ? took : '';
    setText(this.#pill, `${statusWord(status)}${since}`);
    this.#note.hidden = status !== 'submitting' || Date.now() - from < LATE_MS;
    this.#stage.tick(this.task);
  }

  #showUploads(): void {
    const uploads = this.task.uploads ?? [];
    if (this.#uploads.childElementCount !== uploads.length) {
      this.#uploads.replaceChildren(
        ...uploads.map(({ name }) =>
          h('label', {}, h('span', {}, name), h('progress', { max: '1', value: '0' })),
        ),
      );
    }
    for (const [index, bar] of this.#uploads.querySelectorAll('progress').entries()) {
      const { loaded, total } = uploads[index] ?? { loaded: 0, total: 1 };
      bar.value = total === 0 ? 0 : loaded / total;
    }
  }

  #makeButtons(): HTMLElement[] {
    const { task } = this;
    const button = (text: string, click: () => unknown) => h('button', { type: 'button', click }, text);
    const buttons: HTMLElement[] = [];
    if (task.status === 'completed' && task.id !== undefined) {
      buttons.push(h('a', { class: 'button', href: videoUrl(task), download: `${task.id}.mp4` }, 'Download'));
    }
    if (task.status === 'paused')
      buttons.push(
        button(
          'Follow again',
          () => void this.#try(async () => this.#actions.changed(await api.follow(task.key))),
        ),
      );
    if (task.input.prompt !== '') buttons.push(button('Use again', () => this.#actions.reuse(task)));
    if (!isRunning(task.status) && task.status !== 'unknown' && task.status !== 'paused') {
      buttons.push(this.#deleteButton());
    }
    return buttons;
  }

  /** Deletes at the second click. */
  #deleteButton(): HTMLElement {
    const button = h('button', { type: 'button', class: 'quiet' }, 'Delete');
    button.addEventListener('blur', () => setText(button, 'Delete'));
    button.addEventListener('click', () => {
      if (button.textContent === 'Delete') setText(button, 'Really delete?');
      else
        void this.#try(async () => {
          await api.remove(this.task.key);
          this.#actions.removed(this.task.key);
        });
    });
    return button;
  }

  async #try(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      setText(this.#problem, error.message);
      setAttribute(this.#problem, 'role', 'alert');
    }
  }
}

function makeFacts({ model, input, cost }: TaskView): HTMLElement {
  const fields: ModelFields = isModelId(model) ? models[model].fields : {};
  const facts = Object.entries(input).flatMap(([name, value]) => {
    const text = words(name).toLowerCase();
    if (name === 'prompt' || typeof value === 'object' || value === undefined || value === false) return [];
    // What is so unless it is switched off says nothing.
    if (value === true && fields[name]?.default === true) return [];
    return [value === true ? text : `${text} ${value}`];
  });
  const all = [modelName(model), ...facts, ...(cost === undefined ? [] : [dollars(cost)])];
  return h('ul', { class: 'facts' }, ...all.map((fact) => h('li', {}, fact)));
}

function makeReferences({ input }: TaskView): HTMLElement | undefined {
  const references = referencesOf(input).map(({ reference }) => makeThumb(reference));
  return references.length === 0 ? undefined : h('ul', { class: 'facts' }, ...references);
}

function makeThumb(reference: Reference): HTMLElement {
  if (!('file' in reference)) return h('li', {}, 'reference');
  const { file, name } = reference;
  if (/\.(?:jpe?g|png|webp|gif|bmp)$/i.test(file)) {
    const image = h('img', {
      src: `/api/files/${file}`,
      alt: name,
      width: '40',
      height: '40',
      loading: 'lazy',
    });
    return h('li', { class: 'thumb' }, image);
  }
  return h('li', {}, name);
}

/** The calls that make the same again; written only when someone looks. */
function makeCode({ model, input }: TaskView): HTMLElement {
  const details = h('details', {}, h('summary', {}, 'Code'));
  details.addEventListener('toggle', () => {
    if (details.childElementCount > 1) return;
    details.append(
      snippet('TypeScript', toTypeScript(model, input)),
      snippet('Command line', toCommand(model, input)),
    );
  });
  return details;
}

function snippet(title: string, code: string): HTMLElement {
  const copy = h('button', { type: 'button', 'aria-label': `Copy ${title}` }, 'Copy');
  copy.addEventListener('click', () => {
    void navigator.clipboard.writeText(code).then(() => {
      setText(copy, 'Copied');
      announce(`${title} copied.`);
    });
  });
  const block = h('pre', { tabindex: '0', 'aria-label': title }, h('code', {}, code));
  return h(
    'div',
    { class: 'snippet' },
    h('div', { class: 'snippet-head' }, h('span', {}, title), copy),
    block,
  );
}
