/** The entry `wavespeed-kling/ai-sdk`: a video provider for the AI SDK. */
export type { KlingVideoOptions } from './call-options.js';
export { createWaveSpeedKling, type KlingProvider, type KlingProviderOptions } from './provider.js';
export type { KlingVideoModel } from './types.js';
export type { TaskCallback, TaskContext } from './video-model.js';
