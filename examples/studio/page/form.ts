/** The form: limits, issues and price follow every key, from the schemas that the server checks with as well. */
import {
  ASPECT_RATIOS,
  estimateCost,
  InvalidInputError,
  KLING_O1,
  KLING_O3_STD,
  type ModelId,
  models,
  parseInput,
} from 'wavespeed-kling/schemas';
import { toRequestFields } from '../shared/request-fields.js';
import type { Problem, StudioInput } from '../shared/types.js';
import { find, h, setAttribute, setText } from './dom.js';
import { dollars, MODEL_NAMES } from './format.js';
import { References, showIssues } from './references.js';

/** Fields that have a place for their issues, by the name that an issue's path begins with. */
const FIELDS = ['prompt', 'images', 'video', 'duration', 'aspect_ratio', 'sound'] as const;
const ELEMENT_OF: Record<(typeof FIELDS)[number], string> = {
  prompt: 'prompt',
  images: 'images',
  video: 'video',
  duration: 'duration',
  aspect_ratio: 'ratio',
  sound: 'sound',
};

export class Form {
  readonly #model = find<HTMLSelectElement>('model');
  readonly #prompt = find<HTMLTextAreaElement>('prompt');
  readonly #duration = find<HTMLInputElement>('duration');
  readonly #ratio = find<HTMLSelectElement>('ratio');
  readonly #sound = find<HTMLInputElement>('sound');
  readonly #keep = find<HTMLInputElement>('keep');
  readonly #images: References;
  readonly #video: References;
  readonly #onChange: () => void;
  /** An empty prompt is an issue only after it was left or sent. */
  #showsMissing = false;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    for (const id of [KLING_O3_STD, KLING_O1]) {
      this.#model.append(h('option', { value: id }, MODEL_NAMES[id]));
      find('filter-model').append(h('option', { value: id }, MODEL_NAMES[id]));
    }
    for (const ratio of ASPECT_RATIOS) this.#ratio.append(h('option', { value: ratio }, ratio));
    const refresh = () => this.refresh();
    this.#images = new References(
      'image',
      { input: 'images', drop: 'images-drop', list: 'image-list' },
      refresh,
    );
    this.#video = new References(
      'video',
      { input: 'video', drop: 'video-drop', list: 'video-list' },
      refresh,
    );
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
    find('shorter').addEventListener('click', () => this.#step(-1));
    find('longer').addEventListener('click', () => this.#step(1));
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.#images.add(files);
    });
    this.refresh();
  }

  get model(): ModelId {
    return this.#model.value as ModelId;
  }

  /** Returns everything that is wrong, and shows it beside the fields. */
  check(): Problem | undefined {
    this.#showsMissing = true;
    return this.refresh();
  }

  /** Returns the input once every file of it is on the server. */
  async input(): Promise<StudioInput> {
    const [images, videos] = await Promise.all([this.#images.references(), this.#video.references()]);
    return this.#input(images, videos[0]);
  }

  /** A text that changes with everything that is in the form. */
  fingerprint(): string {
    return JSON.stringify([
      this.model,
      this.#input(this.#images.placeholders(), this.#video.placeholders()[0]),
    ]);
  }

  /** Puts an earlier task into the form. */
  fill(model: string, input: StudioInput): void {
    this.#model.value = model in MODEL_NAMES ? model : KLING_O3_STD;
    this.#prompt.value = input.prompt;
    this.#duration.value = String(input.duration);
    this.#ratio.value = input.aspect_ratio;
    this.#sound.checked = input.sound === true;
    this.#keep.checked = input.keep_original_sound !== false;
    this.#images.restore(input.images);
    this.#video.restore(input.video === undefined ? [] : [input.video]);
    this.refresh();
    this.#prompt.focus();
  }

  /** Moves the focus to the first field with an issue. */
  focusIssue(): void {
    document.querySelector<HTMLElement>('#form [aria-invalid="true"]')?.focus();
  }

  /** Shows limits, issues and price as they are now. */
  refresh(): Problem | undefined {
    this.#showLimits();
    const input = this.#input(this.#images.placeholders(), this.#video.placeholders()[0]);
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
    for (const field of FIELDS) {
      const own = issues
        .filter(({ path }) => path[0] === field)
        .map(({ message }) => sentence(message, field));
      const isMissing = field === 'prompt' && !this.#showsMissing;
      showIssues(ELEMENT_OF[field], find(ELEMENT_OF[field]), isMissing ? [] : own);
    }
    const others = issues.filter(({ path }) => !(FIELDS as readonly unknown[]).includes(path[0]));
    const rest =
      problem !== undefined && issues.length === 0 ? [problem.message] : others.map(({ message }) => message);
    setText(find('form-issue'), rest.join('. '));
  }

  #input(images: StudioInput['images'], video: StudioInput['video']): StudioInput {
    const hasSound = 'sound' in models[this.model].fields;
    return {
      prompt: this.#prompt.value,
      images,
      ...(video !== undefined && { video, keep_original_sound: this.#keep.checked }),
      ...(hasSound && { sound: this.#sound.checked }),
      aspect_ratio: this.#ratio.value,
      duration: this.#duration.value === '' ? Number.NaN : Number(this.#duration.value),
    };
  }

  #validate(input: StudioInput): Problem | undefined {
    const files = [
      ...this.#images.issues.map((message) => ({ path: ['images'], message })),
      ...this.#video.issues.map((message) => ({ path: ['video'], message })),
    ];
    try {
      parseInput(this.model, toRequestFields(input) as never);
    } catch (error) {
      if (!InvalidInputError.isInstance(error)) throw error;
      return { name: error.name, message: error.message, issues: [...error.issues, ...files] };
    }
    return files.length === 0 ? undefined : { name: 'InvalidInputError', message: '', issues: files };
  }

  #showLimits(): void {
    const { images } = models[this.model].fields;
    const durations = this.#durations();
    const [shortest, longest] = [Math.min(...durations), Math.max(...durations)];
    const sound = 'sound' in models[this.model].fields;
    const perSecond = (input: object) => cost(estimateCost(this.model, { duration: 5, ...input }), 5);
    setText(
      find('model-hint'),
      `${perSecond({})} per second, ${perSecond({ video: 'a video' })} with a reference video`,
    );
    setText(find('images-hint'), `${this.#images.count} of ${images?.maxItems}. Up to 20 MB each.`);
    setText(find('duration-hint'), `${shortest} to ${longest} seconds`);
    setAttribute(this.#duration, 'min', String(shortest));
    setAttribute(this.#duration, 'max', String(longest));
    this.#sound.disabled = !sound;
    if (!sound) this.#sound.checked = false;
    setText(find('sound-hint'), sound ? '\u00a0' : 'Not on O1');
    find('keep-row').hidden = this.#video.count === 0;
    setAttribute(find('shape'), 'data-ratio', this.#ratio.value);
  }

  #showPrice({ duration, video }: StudioInput): void {
    if (!this.#durations().includes(duration)) {
      setText(find('price'), '–');
      setText(find('formula'), 'no price for this duration');
      return;
    }
    const total = estimateCost(this.model, { duration: duration as 5, ...(video && { video: 'a video' }) });
    setText(find('price'), cost(total));
    setText(find('formula'), `${duration} s × ${cost(total, duration)}`);
  }

  #durations(): number[] {
    return (models[this.model].fields['duration']?.values ?? []).map(Number);
  }

  #step(by: number): void {
    const durations = this.#durations();
    const wanted = (Number(this.#duration.value) || Math.min(...durations)) + by;
    this.#duration.value = String(Math.min(Math.max(wanted, Math.min(...durations)), Math.max(...durations)));
    this.refresh();
  }
}

/** Writes a cost, or a second's part of it. */
const cost = (total: number | undefined, parts = 1) => (total === undefined ? '?' : dollars(total / parts));

/** The label says which field it is: leaves its name out of the message. */
function sentence(message: string, field: string): string {
  const text = message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
  return text.replace(/^got /, 'Got ');
}
