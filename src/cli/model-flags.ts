/** The flags of a request, made from the fields of the built-in models. */
import { type Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import { builtIns } from '../inputs.js';
import type { ModelField } from '../schemas.js';
import { CommandError, EXIT } from './exit-codes.js';
import { collect, type ModelFacts, numberFrom, text } from './options.js';

const MEDIA = ['image', 'video', 'audio'] as const;

const kebab = (name: string) => name.replaceAll('_', '-');
const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** The fields of all models that are neither the prompt nor media, with the models that have them. */
function fieldsOfAll(): Map<string, { field: ModelField; names: string[] }> {
  const all = new Map<string, { field: ModelField; names: string[] }>();
  for (const { fields, shortName } of Object.values(builtIns)) {
    for (const [name, field] of Object.entries(fields)) {
      if (name === 'prompt' || field.media !== undefined) continue;
      const known = all.get(name) ?? { field, names: [] };
      known.names.push(shortName);
      all.set(name, known);
    }
  }
  return all;
}

function describe(words: string, names: readonly string[]): string {
  const isOfAll = names.length === Object.keys(builtIns).length;
  return isOfAll ? words : `${words} (${names.join(', ')})`;
}

/** The beginning of a field's description: `length of the video in seconds`, or `generate sound` for "Whether to generate sound." */
function summarize(name: string, { description }: ModelField): string {
  const [, first, rest] = /^(?:Whether to |The )?(.)([^.:;]*)/.exec(description) ?? [];
  return first === undefined ? name.replaceAll('_', ' ') : `${first.toLowerCase()}${rest}`;
}

/** Adds a flag for each field, and `--param` for those of other models. */
export function addModelFlags<Args extends unknown[], Opts extends OptionValues, Global extends OptionValues>(
  command: Command<Args, Opts, Global>,
): Command<Args, Opts, Global> {
  for (const kind of MEDIA) {
    const option = new Option(
      `--${kind} <file|url>`,
      `reference ${kind}; may be repeated if the model takes several`,
    );
    command.addOption(option.argParser(collect));
  }
  for (const [name, { field, names }] of fieldsOfAll()) {
    const summary = summarize(name, field);
    if (field.type === 'boolean') {
      command.addOption(new Option(`--${kebab(name)}`, describe(summary, names)));
      command.addOption(new Option(`--no-${kebab(name)}`, `do not ${summary}`));
      continue;
    }
    const isNumber = field.type === 'integer';
    const option = new Option(
      `--${kebab(name)} <${isNumber ? 'number' : 'value'}>`,
      describe(summary, names),
    );
    command.addOption(isNumber ? option.argParser(numberFrom(1, 'integer')) : option.argParser(text));
  }
  command.addOption(
    new Option('--param <name=value>', 'any other field of the model; may be repeated').argParser(readParam),
  );
  command.addOption(
    new Option(
      '--model-file <file>',
      'instead of a name: a module whose default export is a model made by defineModel',
    ).argParser(text),
  );
  return command;
}

type Param = [string, string];

function readParam(value: string, previous: Param[] | undefined): Param[] {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`Got "${value}"; expected a name and a value, such as seed=5.`);
  return [...(previous ?? []), [value.slice(0, at), value.slice(at + 1)]];
}

/** Reads the fields that were given as flags, under the service's names. */
export function readModelFlags(model: ModelFacts, given: object): Record<string, unknown> {
  const options = given as Record<string, unknown>;
  const fields: Record<string, unknown> = {};
  for (const kind of MEDIA) {
    const files = options[kind] as string[] | undefined;
    if (files !== undefined) Object.assign(fields, readMediaFlag(model, kind, files));
  }
  for (const name of fieldsOfAll().keys()) {
    const value = options[camel(name)];
    if (value !== undefined) fields[name] = value;
  }
  for (const [name, value] of (options['param'] as Param[] | undefined) ?? []) {
    const field = model.fields[name];
    const isList = field?.type === 'array';
    if (Object.hasOwn(fields, name) && !isList) {
      throw new CommandError(`${name}: it was given more than once.`, EXIT.usage);
    }
    const read = readValue(field, value);
    fields[name] = isList ? [...((fields[name] as unknown[] | undefined) ?? []), ...[read].flat()] : read;
  }
  return fields;
}

function readMediaFlag(model: ModelFacts, kind: (typeof MEDIA)[number], files: readonly string[]) {
  const own = Object.entries(model.fields).filter(([, { media }]) => media === kind);
  const list = own.find(([, { type }]) => type === 'array');
  const [single] = own;
  // Without such a field, validation names the model that has it.
  if (list !== undefined || single === undefined) return { [list?.[0] ?? `${kind}s`]: files };
  if (files.length > 1) {
    throw new CommandError(`--${kind}: ${model.id} takes one; got ${files.length}.`, EXIT.usage);
  }
  return { [single[0]]: files[0] };
}

/** By the type of the field; where that is not known, JSON if it is JSON. */
function readValue(field: ModelField | undefined, value: string): unknown {
  const type = field?.type;
  if (type === 'string' || field?.media !== undefined) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
