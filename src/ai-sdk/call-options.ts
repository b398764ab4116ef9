/** Reads the options of a call of `ai`: its settings and `providerOptions.wavespeedKling`. */
import { checkNames, checkObject, rejectOption } from '../core/validate-options.js';
import { ConfigurationError, type Model, type ModelInput } from '../index.js';
import { isModelId, type ModelField, type ModelFields, type ModelId, models } from '../schemas.js';
import { readReferences } from './references.js';
import type { VideoCallOptions, Warning } from './types.js';

export const PROVIDER_KEY = 'wavespeedKling';

/**
 * Options under `providerOptions.wavespeedKling`. Unknown ones are rejected.
 *
 * @example
 * providerOptions: { wavespeedKling: { maxCost: 2 } satisfies KlingVideoOptions }
 */
export type KlingVideoOptions = {
  /**
   * Every call with the same key gets the same task; at most 250 characters. With `n` above 1, the second video has the
   * key `<key>#2`, and so on. @default the `idempotency-key` header, if there is one
   */
  idempotencyKey?: string | undefined;
  /** Id of a task to wait for: nothing is submitted, and the other settings are not used. Not with `n` above 1. */
  resume?: string | undefined;
  /** Highest cost of each video, in US dollars. @default the client's */
  maxCost?: number | undefined;
  /** Time limit of `generateVideo`, in milliseconds; the task itself continues. @default the client's */
  timeoutMs?: number | undefined;
  /** Time between two polls, in milliseconds. @default the client's */
  pollIntervalMs?: number | undefined;
  /** HTTPS URL that the service calls when the task ends. */
  webhookUrl?: string | undefined;
} & ModelOptions;

type AnyInput = { [Id in ModelId]: ModelInput<Id> }[ModelId];
type KeyOf<Input> = Input extends unknown ? keyof Input : never;
type ValueOf<Input, Key> = Input extends { [K in Key & string]?: infer Value } ? Value : never;

/** The models' own fields for which `ai` has no setting, such as `sound` and `keep_original_sound`. */
type ModelOptions = {
  [
    Key in KeyOf<AnyInput> as Blob extends ValueOf<AnyInput, Key>
      ? never
      : ValueOf<AnyInput, Key> extends readonly unknown[] | undefined
        ? never
        : Exclude<Key, 'prompt' | (typeof ONLY_SETTINGS)[number]>
  ]?: ValueOf<AnyInput, Key> | undefined;
};

/** Fields that are not in `providerOptions`, because `ai` has a setting of the same values. */
const ONLY_SETTINGS = ['duration', 'aspect_ratio'] as const;

/** A setting of `ai`: the field of a model that it sets, and what is said of a model without it. */
interface Setting {
  name: 'duration' | 'aspectRatio' | 'resolution' | 'fps' | 'seed' | 'generateAudio';
  field: string;
  unsupported: string;
  /** The value for the field, or a warning. @default the value as it is */
  read?: (value: never, field: ModelField) => { value: unknown } | { warning: string | undefined };
}

const SETTINGS: readonly Setting[] = [
  { name: 'duration', field: 'duration', unsupported: 'The model decides the duration.' },
  {
    name: 'aspectRatio',
    field: 'aspect_ratio',
    unsupported: 'The model decides the aspect ratio.',
    read: readAspectRatio,
  },
  {
    name: 'resolution',
    field: 'resolution',
    unsupported: 'The model decides the resolution.',
    read: readResolution,
  },
  { name: 'fps', field: 'fps', unsupported: 'The model decides the frame rate.' },
  { name: 'seed', field: 'seed', unsupported: 'The model takes no seed.' },
  { name: 'generateAudio', field: 'sound', unsupported: 'The model has no parameter `sound`.' },
];

const OPTIONS = [
  'idempotencyKey',
  'resume',
  'maxCost',
  'timeoutMs',
  'pollIntervalMs',
  'webhookUrl',
] as const satisfies readonly (keyof KlingVideoOptions)[];

/** The fields of a model that are options: neither media nor a setting of `ai`. Without a known model, of all. */
function fieldOptions(fields: ModelFields | undefined): string[] {
  const all = fields === undefined ? Object.values(models).map((model) => model.fields) : [fields];
  const names = all.flatMap((each) =>
    Object.entries(each).flatMap(([name, { media }]) => (media === undefined ? [name] : [])),
  );
  const others: readonly string[] = ['prompt', ...ONLY_SETTINGS];
  return [...new Set(names)].filter((name) => !others.includes(name));
}

/** Leaves room for the suffix `#2` of a second video within the 255 characters of a key. */
const MAX_KEY_LENGTH = 250;

export interface VideoRequest {
  input: ModelInput<Model>;
  options: KlingVideoOptions;
  warnings: Warning[];
}

export function readCallOptions(model: Model, call: VideoCallOptions): VideoRequest {
  const fields = fieldsOf(model);
  const options = readProviderOptions(call, fields);
  const warnings: Warning[] = [];
  if (options.resume !== undefined) return { input: { prompt: '' }, options, warnings };

  const input: Record<string, unknown> = { prompt: call.prompt ?? '' };
  const id = typeof model === 'string' ? model : model.id;
  Object.assign(input, readReferences(id, fields ?? {}, call, warnings));

  // The client refuses an unknown model, whatever is set.
  if (fields !== undefined) Object.assign(input, readSettings(fields, call, warnings));
  const given = options as Readonly<Record<string, unknown>>;
  // Of all models: the client says which one has a field that this one has not.
  for (const name of new Set([...fieldOptions(fields), ...fieldOptions(undefined)])) {
    if (given[name] !== undefined) input[name] = given[name];
  }
  // The client validates it against the model's schema.
  return { input: input as unknown as ModelInput<Model>, options, warnings };
}

/** Accepts an unknown model: the client rejects it with a suggestion. */
function fieldsOf(model: Model): ModelFields | undefined {
  if (typeof model !== 'string') return model.fields;
  return isModelId(model) ? models[model].fields : undefined;
}

/** The settings of `ai` as fields of the model; for what the model does not take, a warning. */
function readSettings(
  fields: ModelFields,
  call: VideoCallOptions,
  warnings: Warning[],
): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const { name, field: fieldName, unsupported, read } of SETTINGS) {
    const value = call[name];
    const field = fields[fieldName];
    if (value === undefined || (field === undefined && value === false)) continue;
    const result =
      field === undefined ? { warning: unsupported } : (read?.(value as never, field) ?? { value });
    if ('value' in result) input[fieldName] = result.value;
    else if (result.warning !== undefined) {
      warnings.push({ type: 'unsupported', feature: name, details: result.warning });
    }
  }
  return input;
}

/** Without a default, the model follows the references by itself. */
function readAspectRatio(ratio: string, field: ModelField) {
  if (ratio !== 'adaptive') return { value: ratio };
  const details = `The model does not adapt its aspect ratio: the default ${String(field.default)} is used.`;
  return { warning: field.default === undefined ? undefined : details };
}

/** `1920x1080` is the model's `1080p`. */
function readResolution(size: string, { values }: ModelField) {
  const lines = Math.min(...size.split('x').map(Number));
  const value = lines === 2160 ? '4k' : `${lines}p`;
  return values?.includes(value) === true
    ? { value }
    : { warning: `The model makes ${(values ?? []).join(', ')}, not ${size}.` };
}

/** Checks names only: the client validates the values. */
function readProviderOptions(
  { providerOptions, headers }: VideoCallOptions,
  fields: ModelFields | undefined,
): KlingVideoOptions {
  const own = [...fieldOptions(fields), ...fieldOptions(undefined)];
  for (const name of Object.keys(providerOptions ?? {})) {
    // Ignoring it would ignore its `maxCost`.
    if (name !== PROVIDER_KEY && /^wave-?_?speed/i.test(name)) {
      throw new ConfigurationError(
        `providerOptions.${name}: not an option; did you mean \`${PROVIDER_KEY}\`?`,
      );
    }
  }
  const given = providerOptions?.[PROVIDER_KEY] ?? {};
  checkObject(`providerOptions.${PROVIDER_KEY}`, given, '{ maxCost: 2 }');
  checkNames(given, [...OPTIONS, ...own]);
  const options: KlingVideoOptions = { ...given };
  options.idempotencyKey ??= readHeader(headers, 'idempotency-key');
  const { resume, idempotencyKey } = options;
  if (resume !== undefined && (typeof resume !== 'string' || resume === '')) {
    rejectOption('resume', resume, 'the id of a task');
  }
  if (idempotencyKey !== undefined && !isKey(idempotencyKey)) {
    rejectOption('idempotencyKey', idempotencyKey, `1 to ${MAX_KEY_LENGTH} characters, not all blank`);
  }
  return options;
}

function isKey(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_KEY_LENGTH;
}

function readHeader(headers: VideoCallOptions['headers'], name: string): string | undefined {
  return Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];
}
