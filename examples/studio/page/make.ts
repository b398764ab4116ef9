/** Makes a video at a click: one key for each click, so that whatever happens to it is paid for once. */
import { estimateCost } from 'wavespeed-kling/schemas';
import { toRequestFields } from '../shared/references.js';
import type { StudioInput, TaskView } from '../shared/types.js';
import { api, RequestFailed } from './api.js';
import { announce, find, setAttribute, setText } from './dom.js';
import type { Form } from './form.js';
import { dollars, modelName } from './format.js';

/** Clicks on an unchanged form that follow each other faster are one: a double click. In milliseconds. */
const DOUBLE_CLICK_MS = 1000;

/** A click on the button. It keeps its key until the server has answered: sent again, it makes nothing new. */
interface Click {
  key: string;
  fingerprint: string;
  isDone: boolean;
  at: number;
}

export class Maker {
  readonly #form: Form;
  readonly #onTask: (task: TaskView) => void;
  readonly #button = find<HTMLButtonElement>('make');
  mustConfirm = false;
  #last: Click | undefined;
  #isBusy = false;

  constructor(form: Form, onTask: (task: TaskView) => void) {
    this.#form = form;
    this.#onTask = onTask;
    find<HTMLFormElement>('form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#clicked();
    });
  }

  async #clicked(): Promise<void> {
    if (this.#isBusy) return;
    if (this.#form.check() !== undefined) {
      this.#form.focusIssue();
      return;
    }
    const fingerprint = this.#form.fingerprint();
    const last = this.#last;
    const isSame = last !== undefined && last.fingerprint === fingerprint;
    if (isSame && last.isDone && performance.now() - last.at < DOUBLE_CLICK_MS) return;
    const click =
      isSame && !last.isDone ? last : { key: crypto.randomUUID(), fingerprint, isDone: false, at: 0 };
    this.#setBusy(true);
    try {
      const model = this.#form.model;
      const input = await this.#form.input();
      if (this.mustConfirm && !(await confirmCost(model, input))) return;
      this.#last = click;
      const task = await api.make({ key: click.key, model, input });
      click.isDone = true;
      announce('The video is being made.');
      this.#onTask(task);
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      // Rejected: the next click is another one. Without an answer it is the same, whatever has become of it.
      click.isDone = error.problem.name !== 'Unreachable';
      this.#form.showIssues(error.problem);
    } finally {
      click.at = performance.now();
      this.#setBusy(false);
    }
  }

  /** The button keeps the focus, and its size. */
  #setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    setAttribute(this.#button, 'aria-busy', isBusy ? 'true' : undefined);
  }
}

/** Asks before money is spent: what it costs is the list price, or what the service says. */
async function confirmCost(model: Form['model'], input: StudioInput): Promise<boolean> {
  const known = estimateCost(model, toRequestFields(input));
  const cost = dollars(known ?? (await api.price({ model, input })).cost);
  const dialog = find<HTMLDialogElement>('confirm');
  setText(find('confirm-title'), `Spend ${cost}?`);
  setText(
    find('confirm-text'),
    `${modelName(model)}. The service charges ${cost} as soon as it has accepted the task; a task cannot be cancelled.`,
  );
  setText(find('confirm-yes'), `Pay ${cost}`);
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}
