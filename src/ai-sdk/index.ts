/** The entry `wavespeed-kling/ai-sdk`: a video provider for the AI SDK. */
export type { KlingVideoOptions } from './call-options.js';
export { registerClient } from './clients.js';
export type { KlingDurableVideoModel } from './durable-model.js';
export {
  createWaveSpeedKling,
  type KlingDurableProvider,
  type KlingDurableProviderOptions,
  type KlingProvider,
  type KlingProviderOptions,
} from './provider.js';
export type { KlingVideoModel } from './types.js';
export type { TaskCallback, TaskContext } from './video-model.js';
