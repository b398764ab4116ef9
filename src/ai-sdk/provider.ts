/** Provider for the AI SDK: creates video models that use a client. */
import { checkFunction, checkNames, checkObject, rejectOption } from '../core/validate-options.js';
import { ConfigurationError, type Model, WaveSpeedKling } from '../index.js';
import { downloadToMemory } from './download.js';
import type { KlingVideoModel } from './types.js';
import { createVideoModel, type TaskCallback } from './video-model.js';

/** Options of `createWaveSpeedKling`. */
export interface KlingProviderOptions {
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

/** Provider for the AI SDK, of specification v3. */
export interface KlingProvider {
  readonly specificationVersion: 'v3';
  /** Creates a video model from its id, or from the result of `defineModel`. */
  readonly video: (model: Model | (string & {})) => KlingVideoModel;
  /** Same as `video`, under the name that a provider registry calls. */
  readonly videoModel: (model: Model | (string & {})) => KlingVideoModel;
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

/**
 * Creates a provider for `generateVideo` of ai 6 and 7.
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
export function createWaveSpeedKling(options: KlingProviderOptions = {}): KlingProvider {
  checkObject('options', options, '{ client }');
  checkNames(options, ['client', 'onSubmitted', 'onUpdate'] satisfies (keyof KlingProviderOptions)[]);
  const { onSubmitted, onUpdate } = options;
  checkFunction('onSubmitted', onSubmitted);
  checkFunction('onUpdate', onUpdate);
  let { client: ownClient } = options;
  if (ownClient !== undefined && typeof ownClient?.run !== 'function') {
    rejectOption('client', ownClient, 'a WaveSpeedKling client');
  }
  const client = () => (ownClient ??= new WaveSpeedKling());

  const video: KlingProvider['video'] = (model) => {
    const modelId = typeof model === 'string' ? model : model.id;
    // The client rejects an unknown id.
    return createVideoModel({ model: model as Model, modelId, client, onSubmitted, onUpdate });
  };
  const rejectModel = (modelId: string): never => {
    throw new ConfigurationError(
      `"${modelId}": this provider has video models only; use \`video(modelId)\`.`,
    );
  };
  return {
    specificationVersion: 'v3',
    video,
    videoModel: video,
    languageModel: rejectModel,
    embeddingModel: rejectModel,
    imageModel: rejectModel,
    download: ({ url, abortSignal }) => downloadToMemory(client(), url, abortSignal),
  };
}
