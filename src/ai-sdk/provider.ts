/** Provider for the AI SDK: creates video models that use a client. */
import { checkFunction, checkNames, checkObject, rejectOption } from '../core/validate-options.js';
import { WaveSpeedKling } from '../client.js';
import { ConfigurationError, type Model } from '../index.js';
import { checkClient, findClient, nameOfClient } from './clients.js';
import { downloadToMemory } from './download.js';
import { KlingDurableVideoModel } from './durable-model.js';
import type { KlingVideoModel } from './types.js';
import { createVideoModel, type TaskCallback } from './video-model.js';

/** Options of `createWaveSpeedKling`. */
export interface KlingProviderOptions {
  /** Specification of the models: v3 for ai 6 and 7, v4 for durable workflows. @default 'v3' */
  specificationVersion?: 'v3' | undefined;
  /**
   * Client of all models. @default new WaveSpeedKling(), created at the first call with the key in WAVESPEED_API_KEY
   */
  client?: WaveSpeedKling | undefined;
  /**
   * Called with each task once the service has accepted it, and awaited: save its id here. `providerOptions` cannot
   * carry functions; `context.idempotencyKey` identifies the call.
   */
  onSubmitted?: TaskCallback | undefined;
  /** Called with the task at every change of its status. Not with `poll`, `webhook` and `startVideo` of ai 7. */
  onUpdate?: TaskCallback | undefined;
}

/** Options of `createWaveSpeedKling` for durable workflows. */
export interface KlingDurableProviderOptions {
  specificationVersion: 'v4';
  /**
   * Client of all models: the name that it has from `registerClient`, or the registered client itself. Give it a journal
   * that all machines share, so that a repeated step pays once. @default new WaveSpeedKling(), made in each process
   */
  client?: string | WaveSpeedKling | undefined;
}

/** What the providers of both specifications have. */
interface ProviderBase {
  /** @throws {ConfigurationError} Always: there are video models only. */
  readonly languageModel: (modelId: string) => never;
  /** @throws {ConfigurationError} Always: there are video models only. */
  readonly embeddingModel: (modelId: string) => never;
  /** @throws {ConfigurationError} Always: there are video models only. */
  readonly imageModel: (modelId: string) => never;
  /**
   * Download function for `generateVideo({ download })`: retries, resumes and verifies the length.
   *
   * @throws {DownloadError}
   */
  readonly download: (options: {
    url: URL;
    abortSignal?: AbortSignal;
  }) => Promise<{ data: Uint8Array; mediaType: string | undefined }>;
}

/** Provider for the AI SDK, of specification v3. */
export interface KlingProvider extends ProviderBase {
  readonly specificationVersion: 'v3';
  /** Creates a video model from its id, or from the result of `defineModel`. */
  readonly video: (model: Model | (string & {})) => KlingVideoModel;
  /** Same as `video`, under the name that a provider registry calls. */
  readonly videoModel: (model: Model | (string & {})) => KlingVideoModel;
}

/** Provider for durable workflows, of specification v4. */
export interface KlingDurableProvider extends ProviderBase {
  readonly specificationVersion: 'v4';
  /** Creates a video model from the id of a built-in model: a workflow stores the id. */
  readonly video: (modelId: string) => KlingDurableVideoModel;
  /** Same as `video`, under the name that a provider registry calls. */
  readonly videoModel: (modelId: string) => KlingDurableVideoModel;
}

/**
 * Creates a provider for `generateVideo` of ai 6 and 7, or, with `specificationVersion: 'v4'`, for `generateVideo` of
 * `@ai-sdk/workflow/video`.
 *
 * @throws {ConfigurationError} for a bad option.
 * @example
 * const kling = createWaveSpeedKling({ onSubmitted: (task) => save(task.id) });
 * const { video } = await experimental_generateVideo({
 *   model: kling.video(KLING_O3_STD),
 *   prompt: 'A fox in the snow',
 *   duration: 8,
 *   providerOptions: { wavespeedKling: { maxCost: 2, idempotencyKey: 'order-42' } },
 *   download: kling.download,
 * });
 */
export function createWaveSpeedKling(options: KlingDurableProviderOptions): KlingDurableProvider;
export function createWaveSpeedKling(options?: KlingProviderOptions): KlingProvider;
export function createWaveSpeedKling(
  options: KlingProviderOptions | KlingDurableProviderOptions = {},
): KlingProvider | KlingDurableProvider {
  checkObject('options', options, '{ client }');
  if (options.specificationVersion === 'v4') return createDurableProvider(options);
  const { specificationVersion = 'v3', client: given, onSubmitted, onUpdate } = options;
  if (specificationVersion !== 'v3') {
    rejectOption('specificationVersion', specificationVersion, "'v3' or 'v4'");
  }
  checkNames(options, ['client', 'onSubmitted', 'onUpdate', 'specificationVersion']);
  checkFunction('onSubmitted', onSubmitted);
  checkFunction('onUpdate', onUpdate);
  if (given !== undefined) checkClient(given);
  let own = given;
  const client = () => (own ??= new WaveSpeedKling());
  const video: KlingProvider['video'] = (model) => {
    const modelId = typeof model === 'string' ? model : model.id;
    // The client rejects an unknown id.
    return createVideoModel({ model: model as Model, modelId, client, onSubmitted, onUpdate });
  };
  return { specificationVersion: 'v3', video, videoModel: video, ...createBase(client) };
}

function createDurableProvider(options: KlingDurableProviderOptions): KlingDurableProvider {
  // A workflow cannot store functions, such as `onSubmitted`.
  checkNames(options, ['client', 'specificationVersion'] satisfies (keyof KlingDurableProviderOptions)[]);
  const client = readClientName(options.client);
  const video: KlingDurableProvider['video'] = (modelId) => {
    if (typeof modelId !== 'string') {
      throw new ConfigurationError(
        '`video`: with specificationVersion "v4" expected the id of a built-in model: a workflow cannot store a model made by defineModel.',
      );
    }
    return new KlingDurableVideoModel({ modelId, ...(client === undefined ? {} : { client }) });
  };
  return { specificationVersion: 'v4', video, videoModel: video, ...createBase(() => findClient(client)) };
}

function readClientName(client: KlingDurableProviderOptions['client']): string | undefined {
  if (client === undefined || (typeof client === 'string' && client !== '')) return client;
  checkClient(client);
  const name = nameOfClient(client);
  if (name !== undefined) return name;
  throw new ConfigurationError(
    '`client`: a workflow stores the name of its client, and this one has none; call registerClient("main", client) first.',
  );
}

function createBase(client: () => WaveSpeedKling): ProviderBase {
  const rejectModel = (modelId: string): never => {
    throw new ConfigurationError(
      `"${modelId}": this provider has video models only; use \`video(modelId)\`.`,
    );
  };
  return {
    languageModel: rejectModel,
    embeddingModel: rejectModel,
    imageModel: rejectModel,
    download: ({ url, abortSignal }) => downloadToMemory(client(), url, abortSignal),
  };
}
