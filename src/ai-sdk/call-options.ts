/** Reads the options of a call of `ai`: its settings and `providerOptions.wavespeedKling`. */
import { checkNames, checkObject, rejectOption } from '../core/validate-options.js';
import { ConfigurationError, type Model, type ModelInput } from '../index.js';
import { isModelId, models } from '../schemas.js';
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
  /** Whether the sound of the reference video is kept. @default true */
  keep_original_sound?: boolean | undefined;
  /** Whether the video has sound. Not with Kling O1. @default `generateAudio`, or false */
  sound?: boolean | undefined;
  /** HTTPS URL that the service calls when the task ends. */
  webhookUrl?: string | undefined;
};

const OPTIONS = [
  'idempotencyKey',
  'resume',
  'maxCost',
  'timeoutMs',
  'pollIntervalMs',
  'keep_original_sound',
  'sound',
  'webhookUrl',
] as const satisfies readonly (keyof KlingVideoOptions)[];

/** Leaves room for the suffix `#2` of a second video within the 255 characters of a key. */
const MAX_KEY_LENGTH = 250;

export interface VideoRequest {
  input: ModelInput<Model>;
  options: KlingVideoOptions;
  warnings: Warning[];
}

export function readCallOptions(model: Model, call: VideoCallOptions): VideoRequest {
  const options = readProviderOptions(call);
  const warnings: Warning[] = [];
  if (options.resume !== undefined) return { input: { prompt: '' }, options, warnings };

  const input: Record<string, unknown> = { prompt: call.prompt ?? '' };
  const { id, sound } = findModel(model);
  const { images, video } = readReferences(id, call, warnings);
  if (images.length > 0) input.images = images;
  if (video !== undefined) input.video = video;

  const unsupported = (feature: string, details: string) =>
    warnings.push({ type: 'unsupported', feature, details });
  if (call.resolution !== undefined) unsupported('resolution', 'The model decides the resolution.');
  if (call.fps !== undefined) unsupported('fps', 'The model decides the frame rate.');
  if (call.seed !== undefined) unsupported('seed', 'The model takes no seed.');
  if (call.aspectRatio === 'adaptive') {
    unsupported('aspectRatio', 'The model does not adapt its aspect ratio: the default 16:9 is used.');
  } else if (call.aspectRatio !== undefined) {
    input.aspect_ratio = call.aspectRatio;
  }
  if (call.duration !== undefined) input.duration = call.duration;
  if (call.generateAudio !== undefined) {
    if (sound) input.sound = call.generateAudio;
    else if (call.generateAudio) unsupported('generateAudio', 'The model makes no sound.');
  }
  for (const name of ['sound', 'keep_original_sound'] as const) {
    if (options[name] !== undefined) input[name] = options[name];
  }
  // The client validates it against the model's schema.
  return { input: input as unknown as ModelInput<Model>, options, warnings };
}

/** Accepts an unknown model: the client rejects it with a suggestion. */
function findModel(model: Model): { id: string; sound: boolean } {
  if (typeof model === 'string' && !isModelId(model)) return { id: model, sound: false };
  const { id, fields } = typeof model === 'string' ? models[model] : model;
  return { id, sound: 'sound' in fields };
}

/** Checks names only: the client validates the values. */
function readProviderOptions({ providerOptions, headers }: VideoCallOptions): KlingVideoOptions {
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
  checkNames(given, OPTIONS);
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
