/** Converts a task to what the AI SDK expects of a call. */
import { type CompletedPrediction, estimateCost, type Model, type Prediction } from '../index.js';
import { PROVIDER_KEY } from './call-options.js';
import type { CallInfo, JsonObject, VideoResult, VideoUrl, Warning } from './types.js';

export function toResult(
  task: CompletedPrediction,
  modelId: string,
  cost: number | undefined,
  warnings: Warning[],
): VideoResult {
  const videos = task.outputs.map((url): VideoUrl => ({ type: 'url', url, mediaType: 'video/mp4' }));
  return { videos, warnings, ...toCallInfo(task, modelId, cost) };
}

export function toCallInfo(task: Prediction, modelId: string, cost: number | undefined): CallInfo {
  const about: JsonObject = {
    id: task.id,
    ...(cost === undefined ? {} : { cost }),
    timings: task.timings as JsonObject,
  };
  const videos = task.outputs.map((url, index) => {
    return { ...about, url, nsfw: task.has_nsfw_contents[index] ?? false };
  });
  const created = new Date(task.created_at);
  return {
    // ai merges the calls of one `generateVideo`: it joins the lists named `videos`, and keeps the last of the others.
    providerMetadata: { [PROVIDER_KEY]: { ...about, status: task.status, urls: task.outputs, videos } },
    response: {
      timestamp: Number.isNaN(created.getTime()) ? new Date() : created,
      modelId,
      headers: undefined,
    },
  };
}

export function estimateTaskCost(model: Model, { input }: Prediction): number | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  try {
    return estimateCost(model, input);
  } catch {
    return undefined;
  }
}
