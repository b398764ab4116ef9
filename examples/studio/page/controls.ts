/** The controls of a model's fields that are not media, made from what the model says of each field. */
import type { ModelField } from 'wavespeed-kling/schemas';
import type { FieldValue } from '../shared/types.js';
import { h } from './dom.js';

/** A field in the form. An undefined value is not sent: the service decides. */
export interface Control {
  readonly element: HTMLElement;
  value: () => FieldValue | undefined;
  /** Takes a value that the field allows; any other is left out. */
  set: (value: unknown) => void;
}

/** The part of a control that a person uses. */
interface Input {
  element: HTMLElement;
  value: () => FieldValue | undefined;
  set: (value: unknown) => void;
}

/** Writes a field's name as words: `aspect_ratio` is `Aspect ratio`. */
export function words(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param changed Called where the browser sends no event, such as after a click on a button of a number. */
export function makeControl(name: string, field: ModelField, hint: string, changed: () => void): Control {
  const about = { id: name, 'aria-describedby': `${name}-issue ${name}-hint` };
  const input = makeInput(about, field, changed);
  input.set(field.default);
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: name }, words(name)),
    input.element,
    h('p', { class: 'issue', id: `${name}-issue`, 'aria-live': 'polite' }),
    h('p', { class: 'hint', id: `${name}-hint` }, hint),
  );
  return { element, value: input.value, set: input.set };
}

type About = Record<'id' | 'aria-describedby', string>;

function makeInput(about: About, field: ModelField, changed: () => void): Input {
  const { type, values, default: given } = field;
  if (type === 'boolean')
    return given === undefined ? makeSelect(about, field, [true, false]) : makeSwitch(about);
  if (type === 'integer' || type === 'number') return makeNumber(about, field, changed);
  return values === undefined ? makeText(about) : makeSelect(about, field, values);
}

function makeSwitch(about: About): Input {
  const input = h('input', { ...about, type: 'checkbox', role: 'switch' });
  return {
    element: h('div', { class: 'switch' }, input),
    value: () => input.checked,
    set: (value) => (input.checked = value === true),
  };
}

/** Without a default, the first option leaves it to the service. */
function makeSelect(about: About, field: ModelField, values: readonly (string | number | boolean)[]): Input {
  const texts = new Map(values.map((value) => [String(value), value]));
  const yesNo: Record<string, string> = { true: 'yes', false: 'no' };
  const select = h(
    'select',
    about,
    !field.isRequired && field.default === undefined && h('option', { value: '' }, 'the service decides'),
    ...[...texts.keys()].map((text) => h('option', { value: text }, yesNo[text] ?? text)),
  );
  return {
    element: select,
    value: () => texts.get(select.value),
    set: (value) => {
      if (texts.has(String(value))) select.value = String(value);
    },
  };
}

function makeNumber(about: About, { values }: ModelField, changed: () => void): Input {
  const numbers = (values ?? []).map(Number);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const input = h('input', { ...about, type: 'number', inputmode: 'numeric', step: '1' });
  if (numbers.length > 0) Object.assign(input, { min: String(least), max: String(most) });
  const step = (by: number) => () => {
    const wanted = (Number(input.value) || least) + by;
    input.value = String(numbers.length === 0 ? wanted : Math.min(Math.max(wanted, least), most));
    changed();
  };
  const button = (text: string, label: string, by: number) =>
    h('button', { type: 'button', 'aria-label': label, click: step(by) }, text);
  return {
    element: h('div', { class: 'stepper' }, button('−', 'One less', -1), input, button('+', 'One more', 1)),
    value: () => (input.value === '' ? Number.NaN : Number(input.value)),
    set: (value) => {
      if (typeof value === 'number') input.value = String(value);
    },
  };
}

function makeText(about: About): Input {
  const input = h('input', { ...about, type: 'text' });
  return {
    element: input,
    value: () => (input.value === '' ? undefined : input.value),
    set: (value) => {
      if (typeof value === 'string') input.value = value;
    },
  };
}
