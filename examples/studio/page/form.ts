/** The form, made from the chosen model's fields: limits, issues and price follow every key, from the schemas that the server checks with as well. */
import {
  estimateCost,
  InvalidInputError,
  isModelId,
  KLING_O3_STD,
  type ModelField,
  type ModelFields,
  type ModelId,
  models,
  parseInput,
} from 'wavespeed-kling/schemas';
import { kindOf } from '../shared/limits.js';
import { isReference, toRequestFields } from '../shared/references.js';
import type { FieldValue, Problem, Reference, StudioInput } from '../shared/types.js';
import { type Control, makeControl } from './controls.js';
import { find, h, setText } from './dom.js';
import { dollars } from './format.js';
import { References, showIssues } from './references.js';

/** The first of the list is the one that a new page shows. */
const OFFERED: ModelId[] = [
  KLING_O3_STD,
  ...Object.values(models).flatMap(({ id }) => (id === KLING_O3_STD ? [] : [id])),
];

export class Form {
  readonly #model = find<HTMLSelectElement>('model');
  readonly #prompt = find<HTMLTextAreaElement>('prompt');
  readonly #onChange: () => void;
  /** The chosen model's fields that are not media, by name. */
  #controls = new Map<string, Control>();
  /** The chosen model's media, by name. */
  #media = new Map<string, References>();
  /** Those of all models that were chosen: files stay when another model takes them too. */
  readonly #everyMedia = new Map<string, References>();
  #built: ModelId | undefined;
  /** A field that is taken out of the page while it is edited sends `change`. */
  #isBuilding = false;
  /** An empty prompt is an issue only after it was left or sent. */
  #showsMissing = false;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    for (const id of OFFERED) {
      for (const select of [this.#model, find('filter-model')])
        select.append(h('option', { value: id }, models[id].name));
    }
    const refresh = () => this.refresh();
    const form = find<HTMLFormElement>('form');
    form.addEventListener('input', refresh);
    form.addEventListener('change', refresh);
    this.#prompt.addEventListener('blur', () => {
      if (this.#prompt.value !== '') this.#showsMissing = true;
      this.refresh();
    });
    this.#prompt.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.#paste(files);
    });
    this.refresh();
  }

  get model(): ModelId {
    return this.#model.value as ModelId;
  }

  get #fields(): ModelFields {
    return models[this.model].fields;
  }

  /** Returns everything that is wrong, and shows it beside the fields. */
  check(): Problem | undefined {
    this.#showsMissing = true;
    return this.refresh();
  }

  /** Returns the input once every file of it is on the server. */
  async input(): Promise<StudioInput> {
    const media = [...this.#media].map(async ([name, references]) => [name, await references.references()]);
    return this.#input(Object.fromEntries(await Promise.all(media)) as Record<string, Reference[]>);
  }

  /** A text that changes with everything that is in the form. */
  fingerprint(): string {
    return JSON.stringify([this.model, this.#input()]);
  }

  /** Puts an earlier task into the form. */
  fill(model: string, input: StudioInput): void {
    this.#model.value = isModelId(model) ? model : KLING_O3_STD;
    this.#build();
    this.#prompt.value = input.prompt;
    for (const [name, control] of this.#controls) control.set(input[name] ?? this.#fields[name]?.default);
    for (const [name, references] of this.#media)
      references.restore([input[name] ?? []].flat().filter(isReference));
    this.refresh();
    this.#prompt.focus();
  }

  /** Moves the focus to the first field with an issue. */
  focusIssue(): void {
    document.querySelector<HTMLElement>('#form [aria-invalid="true"]')?.focus();
  }

  /** Shows limits, issues and price as they are now. */
  refresh(): Problem | undefined {
    if (this.#isBuilding) return undefined;
    if (this.#built !== this.model) this.#build();
    const input = this.#input();
    const problem = this.#validate(input);
    this.showIssues(problem);
    this.#showPrice(input);
    const { length } = this.#prompt.value;
    setText(find('prompt-count'), `${length} ${length === 1 ? 'character' : 'characters'}`);
    this.#onChange();
    return problem;
  }

  /** Shows each issue beside its field, and what has no field below the button. */
  showIssues(problem: Problem | undefined): void {
    const issues = problem?.issues ?? [];
    const names = ['prompt', ...this.#media.keys(), ...this.#controls.keys()];
    for (const name of names) {
      const own = issues.filter(({ path }) => path[0] === name).map(({ message }) => sentence(message, name));
      const isMissing = name === 'prompt' && this.#prompt.value.trim() === '' && !this.#showsMissing;
      showIssues(name, find(name), isMissing ? [] : own);
    }
    const others = issues.filter(({ path }) => !(names as unknown[]).includes(path[0]));
    const rest =
      problem !== undefined && issues.length === 0 ? [problem.message] : others.map(({ message }) => message);
    setText(find('form-issue'), rest.join('. '));
  }

  /** Makes the chosen model's fields. What was chosen for a field stays, where this model has it as well. */
  #build(): void {
    const before = this.#built === undefined ? {} : (models[this.#built].fields as ModelFields);
    const changed = [...this.#controls].filter(
      ([name, control]) => control.value() !== before[name]?.default,
    );
    this.#built = this.model;
    this.#controls = new Map();
    this.#media = new Map();
    for (const [name, field] of Object.entries(this.#fields)) {
      if (name === 'prompt') continue;
      const hint = this.#hint(name, field);
      if (field.media === undefined)
        this.#controls.set(
          name,
          makeControl(name, field, hint, () => this.refresh()),
        );
      else this.#media.set(name, this.#references(name, field, hint));
    }
    for (const [name, control] of changed) this.#controls.get(name)?.set(control.value());
    this.#isBuilding = true;
    find('media').replaceChildren(...[...this.#media.values()].map(({ element }) => element));
    find('options').replaceChildren(...[...this.#controls.values()].map(({ element }) => element));
    this.#isBuilding = false;
    setText(find('model-hint'), this.model);
  }

  #references(name: string, { media = 'image', type }: ModelField, hint: string): References {
    const isSingle = type !== 'array';
    const key = `${name} ${media} ${isSingle}`;
    const references =
      this.#everyMedia.get(key) ?? new References({ name, kind: media, isSingle }, () => this.refresh());
    this.#everyMedia.set(key, references);
    references.describe(hint);
    return references;
  }

  /** What the model says of a field, and of it beside others. */
  #hint(name: string, { description }: ModelField): string {
    const { rules, shortName } = models[this.model];
    const own = rules.filter(({ fields }) => fields[0] === name);
    const texts = own.map(({ text }) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
    return [description, ...texts].join(' ').replaceAll('`', '').trim() || `A field of ${shortName}.`;
  }

  #input(sent?: Record<string, Reference[]>): StudioInput {
    const input: StudioInput = { prompt: this.#prompt.value };
    for (const [name, references] of this.#media) {
      const chosen = sent?.[name] ?? references.placeholders();
      const value: FieldValue | undefined = references.isSingle ? chosen[0] : chosen;
      if (chosen.length > 0 && value !== undefined) input[name] = value;
    }
    for (const [name, control] of this.#controls) {
      const value = control.value();
      if (value !== undefined) input[name] = value;
    }
    return input;
  }

  #validate(input: StudioInput): Problem | undefined {
    const files = [...this.#media].flatMap(([name, { issues }]) =>
      issues.map((message) => ({ path: [name], message })),
    );
    try {
      parseInput(this.model, toRequestFields(input));
    } catch (error) {
      if (!InvalidInputError.isInstance(error)) throw error;
      return { name: error.name, message: error.message, issues: [...error.issues, ...files] };
    }
    return files.length === 0 ? undefined : { name: 'InvalidInputError', message: '', issues: files };
  }

  #showPrice(input: StudioInput): void {
    const { prompt: _, ...priced } = toRequestFields(input);
    try {
      const cost = estimateCost(this.model, priced);
      setText(find('price'), cost === undefined ? '?' : dollars(cost));
      setText(find('formula'), cost === undefined ? 'the service is asked first' : 'at the list price');
    } catch (error) {
      if (!InvalidInputError.isInstance(error)) throw error;
      setText(find('price'), '–');
      setText(find('formula'), 'no price for this input');
    }
  }

  #paste(files: readonly File[]): void {
    for (const references of this.#media.values()) {
      const own = files.filter(({ name }) => kindOf(name) === references.kind);
      if (own.length > 0) references.add(own);
    }
  }
}

/** The label says which field it is: leaves its name out of the message. */
function sentence(message: string, field: string): string {
  const text = message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
  return text.replace(/^got /, 'Got ');
}
