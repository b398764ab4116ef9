/** The files of one field: chosen, dropped or pasted, shown, reordered and removed. */
import { FILE_LIMITS, fileProblem, type FileKind, kindOf } from '../shared/limits.js';
import type { Reference } from '../shared/types.js';
import { RequestFailed, sendFile } from './api.js';
import { makeDropZone } from './drop.js';
import { announce, find, h, setAttribute, setText } from './dom.js';

/** One chosen file. It is sent to the server at once, so that making a video does not wait for it. */
interface Chosen {
  name: string;
  item: HTMLLIElement;
  issue: string | undefined;
  /** Settles once it is on the server. */
  sent: Promise<Reference>;
  remove: () => void;
}

export class References {
  #chosen: Chosen[] = [];
  /** The whole field: label, files, issues and hint. */
  readonly element: HTMLElement;
  readonly kind: FileKind;
  /** Where another file takes the place of the first. */
  readonly isSingle: boolean;
  readonly #list: HTMLElement;
  readonly #hint: HTMLElement;
  readonly #onChange: () => void;
  #description = '';

  constructor(field: { name: string; kind: FileKind; isSingle: boolean }, onChange: () => void) {
    const { name, kind, isSingle } = field;
    this.kind = kind;
    this.isSingle = isSingle;
    this.#onChange = onChange;
    this.#list = h('ol', { class: 'thumbs', id: `${name}-list` });
    this.#hint = h('p', { class: 'hint', id: `${name}-hint` });
    this.element = h(
      'div',
      { class: 'field' },
      h(
        'label',
        { for: name },
        `Reference ${isSingle ? kind : kind === 'audio' ? 'audio files' : `${kind}s`}`,
      ),
      makeDropZone({ name, kind, isSingle, list: this.#list }, (files) => this.add(files)),
      h('p', { class: 'issue', id: `${name}-issue`, 'aria-live': 'polite' }),
      this.#hint,
    );
  }

  /** Says what the chosen model takes here. */
  describe(description: string): void {
    this.#description = description;
    this.#showHint();
  }

  #showHint(): void {
    const size = `Up to ${FILE_LIMITS[this.kind].maxBytes / 1024 / 1024} MB${this.isSingle ? '' : ' each'}.`;
    const count = this.isSingle || this.count === 0 ? '' : `${this.count} chosen. `;
    setText(this.#hint, `${count}${this.#description} ${size}`);
  }

  get count(): number {
    return this.#chosen.length;
  }

  /** What is wrong with the files themselves. */
  get issues(): string[] {
    return this.#chosen.flatMap(({ issue }) => (issue === undefined ? [] : [issue]));
  }

  /** As many references as there are files, for the schema. */
  placeholders(): Reference[] {
    return this.#chosen.map(({ name }) => ({ file: 'chosen', name }));
  }

  /** Waits until every file is on the server. */
  references(): Promise<Reference[]> {
    return Promise.all(this.#chosen.map(({ sent }) => sent));
  }

  add(files: readonly File[]): void {
    if (this.isSingle && files.length > 0) this.#clear();
    for (const file of files) this.#addFile(file);
    this.#renumber();
  }

  /** Takes the references of an earlier task in place of what is there. */
  restore(references: readonly Reference[]): void {
    this.#clear();
    for (const reference of references) {
      const name = 'file' in reference ? reference.name : reference.url;
      const { preview, release } = makePreview(
        name,
        this.kind,
        'file' in reference ? `/api/files/${reference.file}` : undefined,
      );
      this.#add({ name, preview, issue: undefined, sent: Promise.resolve(reference), drop: release });
    }
    this.#renumber();
  }

  #clear(): void {
    for (const { remove } of this.#chosen) remove();
  }

  #addFile(file: File): void {
    const { name } = file;
    const abort = new AbortController();
    const issue = fileProblem(name, file.size, this.kind);
    const { preview, release } = makePreview(name, this.kind, URL.createObjectURL(file));
    const bar = h('progress', { max: '1', value: '0', 'aria-label': `Sending ${name}` });
    const sent =
      issue === undefined
        ? sendFile(file, (share) => (bar.value = share), abort.signal).then((id) => ({ file: id, name }))
        : Promise.reject(new Error(issue));
    const chosen = this.#add({
      name,
      preview,
      issue,
      sent,
      drop: () => {
        abort.abort();
        release();
      },
    });
    chosen.item.append(bar);
    sent.then(
      () => bar.remove(),
      (error: unknown) => {
        bar.remove();
        if (error instanceof RequestFailed) chosen.issue ??= `${name}: ${error.message}`;
        chosen.item.classList.add('wrong');
        this.#onChange();
      },
    );
  }

  #add(source: Pick<Chosen, 'name' | 'issue' | 'sent'> & { preview: HTMLElement; drop: () => void }): Chosen {
    const { name, issue, sent, preview, drop } = source;
    const item = h(
      'li',
      { tabindex: '0', draggable: 'true', class: issue === undefined ? undefined : 'wrong' },
      preview,
    );
    const chosen: Chosen = {
      name,
      item,
      issue,
      sent,
      remove: () => {
        drop();
        item.remove();
        this.#chosen = this.#chosen.filter((other) => other !== chosen);
        this.#renumber();
        announce(`${name} removed.`);
      },
    };
    item.append(h('button', { type: 'button', 'aria-label': `Remove ${name}`, click: chosen.remove }, '×'));
    item.addEventListener('keydown', (event) => this.#onKey(event, chosen));
    if (!this.isSingle) this.#makeDraggable(chosen);
    this.#chosen.push(chosen);
    this.#list.append(item);
    return chosen;
  }

  #onKey(event: KeyboardEvent, chosen: Chosen): void {
    if (event.target !== chosen.item) return;
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (step !== undefined) this.#move(chosen, this.#chosen.indexOf(chosen) + step);
    else if (event.key === 'Delete' || event.key === 'Backspace') {
      const next =
        this.#chosen[this.#chosen.indexOf(chosen) + 1] ?? this.#chosen[this.#chosen.indexOf(chosen) - 1];
      chosen.remove();
      next?.item.focus();
    } else return;
    event.preventDefault();
  }

  #makeDraggable(chosen: Chosen): void {
    const { item } = chosen;
    item.addEventListener('dragstart', (event) =>
      event.dataTransfer?.setData('text/x-image', String(this.#chosen.indexOf(chosen))),
    );
    item.addEventListener('dragover', (event) => {
      if (event.dataTransfer?.types.includes('text/x-image') === true) event.preventDefault();
    });
    item.addEventListener('drop', (event) => {
      const from = event.dataTransfer?.getData('text/x-image') ?? '';
      const moved = from === '' ? undefined : this.#chosen[Number(from)];
      if (moved !== undefined) this.#move(moved, this.#chosen.indexOf(chosen));
    });
  }

  #move(chosen: Chosen, to: number): void {
    if (this.isSingle || to < 0 || to >= this.#chosen.length) return;
    const others = this.#chosen.filter((other) => other !== chosen);
    others.splice(to, 0, chosen);
    this.#chosen = others;
    const hadFocus = document.activeElement === chosen.item;
    this.#list.replaceChildren(...others.map(({ item }) => item));
    if (hadFocus) chosen.item.focus();
    this.#renumber();
    announce(`${chosen.name} is now ${to + 1} of ${others.length}.`);
  }

  #renumber(): void {
    const { length } = this.#chosen;
    for (const [index, { name, item }] of this.#chosen.entries()) {
      const help = this.isSingle ? 'Delete removes it' : 'Arrow keys move it, Delete removes it';
      setAttribute(item, 'aria-label', `${name}, ${index + 1} of ${length}. ${help}`);
    }
    this.#showHint();
    this.#onChange();
  }
}

/** Shows a file by its URL; what the browser cannot show, by its name. */
function makePreview(
  fileName: string,
  kind: FileKind,
  url: string | undefined,
): { preview: HTMLElement; release: () => void } {
  const name = h('span', { class: 'name' }, fileName);
  const release = () => {
    if (url !== undefined) URL.revokeObjectURL(url);
  };
  if (url === undefined || kindOf(fileName) !== kind) return { preview: name, release };
  if (kind === 'image') {
    const image: HTMLImageElement = h('img', {
      src: url,
      alt: '',
      draggable: 'false',
      error: () => image.replaceWith(name),
    });
    return { preview: image, release };
  }
  const video = h('video', { src: url, preload: 'metadata', tabindex: '-1' });
  video.muted = true;
  return { preview: h('span', { class: 'clip' }, video, name), release };
}

/** Shows issues in a field's paragraph, and marks the field. */
export function showIssues(id: string, field: Element, issues: readonly string[]): void {
  setText(find(`${id}-issue`), issues.join('. '));
  setAttribute(field, 'aria-invalid', issues.length > 0 ? 'true' : undefined);
}
