/** Reads the options of a call of `ai`: its settings and `providerOptions.wavespeedKling`. */
import { checkNames, checkObject, rejectOption } from '../core/validate-options.js';
import { ConfigurationError, type Model, type ModelInput } from '../index.js';
import { isModelId, type ModelFields, type ModelId, models } from '../schemas.js';
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
        : Exclude<Key, 'prompt' | SettingOfAi>
  ]?: ValueOf<AnyInput, Key> | undefined;
};

/** Fields for which `ai` has a setting of its own. */
type SettingOfAi = 'duration' | 'aspect_ratio';

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
  const others = ['prompt', 'duration', 'aspect_ratio'];
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

  const unsupported = (feature: string, details: string) =>
    warnings.push({ type: 'unsupported', feature, details });
  if (call.resolution !== undefined) {
    const resolution = findResolution(fields, call.resolution);
    if (resolution === undefined) unsupported('resolution', 'The model decides the resolution.');
    else input.resolution = resolution;
  }
  if (call.fps !== undefined) unsupported('fps', 'The model decides the frame rate.');
  if (call.seed !== undefined) unsupported('seed', 'The model takes no seed.');
  const ratio = fields?.['aspect_ratio'];
  if (call.aspectRatio !== undefined && fields !== undefined && ratio === undefined) {
    unsupported('aspectRatio', 'The model decides the aspect ratio.');
  } else if (call.aspectRatio === 'adaptive') {
    // Without a default, the model follows the references.
    if (ratio?.default !== undefined || fields === undefined) {
      const details = 'The model does not adapt its aspect ratio: the default 16:9 is used.';
      unsupported('aspectRatio', details);
    }
  } else if (call.aspectRatio !== undefined) {
    input.aspect_ratio = call.aspectRatio;
  }
  if (call.duration !== undefined) input.duration = call.duration;
  if (call.generateAudio !== undefined) {
    if (fields !== undefined && 'sound' in fields) input.sound = call.generateAudio;
    else if (call.generateAudio) unsupported('generateAudio', 'The model has no parameter `sound`.');
  }
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

/** `1920x1080` is the model's `1080p`. */
function findResolution(fields: ModelFields | undefined, size: string): string | undefined {
  const lines = Math.min(...size.split('x').map(Number));
  const name = lines === 2160 ? '4k' : `${lines}p`;
  return fields?.['resolution']?.values?.includes(name) ? name : undefined;
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
