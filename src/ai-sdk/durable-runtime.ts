/** What a durable model does in a step. A file of its own, because the model loads it only there. */
import type { Model } from '../index.js';
import { findClient } from './clients.js';
import { createVideoModel } from './video-model.js';
import type { VideoMethods } from './types.js';

export function createDurableMethods(modelId: string, clientName: string | undefined): VideoMethods {
  return createVideoModel({
    // The client rejects an unknown id.
    model: modelId as Model,
    modelId,
    client: () => findClient(clientName),
    onSubmitted: undefined,
    onUpdate: undefined,
  });
}
