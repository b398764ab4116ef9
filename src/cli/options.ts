/** Parsers of arguments and flags, and the help that commands share. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import { builtIns, isModelId } from '../inputs.js';
import type { DefinedModel, Model, ModelId } from '../schemas.js';

/** The ids of the built-in models by short name. */
export const MODELS: Readonly<Record<string, ModelId>> = Object.fromEntries(
  Object.values(builtIns).map(({ id, shortName }) => [shortName, id]),
);

export const MODEL_NAMES = Object.keys(MODELS).join(', ');

export function findModel(name: unknown): ModelId | undefined {
  if (typeof name === 'string' && Object.hasOwn(MODELS, name)) return MODELS[name];
  return isModelId(name) ? name : undefined;
}

/** What a command needs to know of a model. */
export type ModelFacts = Pick<DefinedModel, 'id' | 'shortName' | 'fields'>;

export const factsOf = (model: Model): ModelFacts => (typeof model === 'string' ? builtIns[model] : model);

export function shortName(model: string): string {
  return Object.entries(MODELS).find(([, id]) => id === model)?.[0] ?? model;
}

export const EXPECTED_MODEL = `expected ${MODEL_NAMES}, or a model's id`;

export function parseModel(name: string): ModelId {
  const model = findModel(name);
  if (model === undefined) throw new InvalidArgumentError(`Got "${name}"; ${EXPECTED_MODEL}.`);
  return model;
}

/** For filters: also the id of a model that is not built in. */
export function parseModelName(name: string): string {
  return name.includes('/') ? name : parseModel(name);
}

/** Rejects a repeated flag: the last value could be the more expensive one. */
export function once<T>(parse: (value: string) => T): (value: string, previous: T | undefined) => T {
  return (value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It was given more than once.');
    return parse(value);
  };
}

export const text = once((value) => value);

export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

export function numberFrom(min: number, kind: 'number' | 'integer' = 'number') {
  return once((value) => {
    const number = value.trim() === '' ? Number.NaN : Number(value);
    if (!Number.isFinite(number) || number < min || (kind === 'integer' && !Number.isInteger(number))) {
      const expected = kind === 'integer' ? 'a whole number' : 'a number';
      throw new InvalidArgumentError(`Got "${value}"; expected ${expected}, ${min} or more.`);
    }
    return number;
  });
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]) {
  return once((value): Choice => {
    const choice = choices.find((one) => one === value);
    if (choice === undefined) {
      throw new InvalidArgumentError(`Got "${value}"; expected ${choices.join(', ')}.`);
    }
    return choice;
  });
}

/** Parses seconds into milliseconds. */
export const seconds = once((value) => {
  const number = Number(value);
  if (!(number > 0 && number < Infinity) || value.trim() === '') {
    throw new InvalidArgumentError(`Got "${value}"; expected a number of seconds above 0.`);
  }
  return number * 1000;
});

export function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  $ wavespeed-kling ${line}`).join('\n')}`;
}
