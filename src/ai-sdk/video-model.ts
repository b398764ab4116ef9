/** Video model for `generateVideo` of ai 6 and 7, and for `startVideo` and `getVideoStatus` of ai 7. */
import {
  ConfigurationError,
  estimateCost,
  isCompleted,
  isTerminal,
  type Model,
  type Prediction,
  PredictionFailedError,
  type RunOptions,
  WaitTimeoutError,
  type WaveSpeedKling,
} from '../index.js';
import { PROVIDER_KEY, readCallOptions, type VideoRequest } from './call-options.js';
import { estimateTaskCost, toCallInfo, toResult } from './results.js';
import { relateGenerateCalls, relateStartCalls, type SiblingCall } from './sibling-calls.js';
import type {
  JsonObject,
  JsonValue,
  KlingVideoModel,
  VideoCallOptions,
  VideoOperation,
  VideoResult,
  VideoStartOptions,
  VideoStartResult,
  VideoStatusResult,
} from './types.js';

/** Second argument of the provider's callbacks. */
export interface TaskContext {
  /** Id of the model. */
  modelId: string;
  /** Idempotency key of this video, if the call has one. */
  idempotencyKey: string | undefined;
}

/** Type of `onSubmitted` and `onUpdate`. */
export type TaskCallback = (prediction: Prediction, context: TaskContext) => void | Promise<void>;

export interface ModelContext {
  model: Model;
  modelId: string;
  client: () => WaveSpeedKling;
  onSubmitted: TaskCallback | undefined;
  onUpdate: TaskCallback | undefined;
}

const STATUS_TIMEOUT_MS = 60_000;

/** The methods do not use `this`, because ai 7 wraps the model in a Proxy. */
export function createVideoModel(context: ModelContext): KlingVideoModel {
  const runGenerateCall = relateGenerateCalls();
  const runStartCall = relateStartCalls();
  return {
    specificationVersion: 'v3',
    provider: 'wavespeed-kling.video',
    modelId: context.modelId,
    maxVideosPerCall: 1,
    doGenerate: (options) => runGenerateCall(options, (call) => generate(context, options, call)),
    handleWebhookOption: async ({ webhook }) => {
      const { url, received } = await webhook();
      return { webhookUrl: url, received };
    },
    doStart: (options) => runStartCall(options, (call) => start(context, options, call)),
    doStatus: ({ operation, abortSignal }) => readStatus(context, operation, abortSignal),
  };
}

async function generate(
  context: ModelContext,
  callOptions: VideoCallOptions,
  call: SiblingCall,
): Promise<VideoResult> {
  const { model, modelId, client, onUpdate } = context;
  const { input, options, warnings } = readCallOptions(model, callOptions);
  const { resume, timeoutMs, pollIntervalMs, webhookUrl } = options;
  const idempotencyKey = keyAt(options.idempotencyKey, call.index);
  const waitOptions = {
    signal: call.signal,
    timeoutMs,
    pollIntervalMs,
    onUpdate: onUpdate && ((task: Prediction) => onUpdate(task, { modelId, idempotencyKey })),
  };
  if (resume !== undefined) {
    if (call.index > 0) {
      throw new ConfigurationError('`resume`: cannot be combined with `n` above 1; make one call per task.');
    }
    const task = await client().wait(resume, waitOptions);
    return toResult(task, modelId, estimateTaskCost(model, task), warnings);
  }
  const task = await client().run(model, input, {
    ...waitOptions,
    ...submitOptions(context, options, call, idempotencyKey),
    webhookUrl,
  });
  call.predictionId = task.id;
  return toResult(task, modelId, estimateCost(model, input), warnings);
}

async function start(
  context: ModelContext,
  callOptions: VideoStartOptions,
  call: SiblingCall,
): Promise<VideoStartResult> {
  const { model, modelId, client } = context;
  const request = readCallOptions(model, callOptions);
  const { input, options, warnings } = request;
  warnOfWaitOptions(request);
  if (options.resume !== undefined) {
    const task = await client().get(options.resume, { signal: call.signal });
    return { operation: { id: task.id }, warnings, ...toCallInfo(task, modelId, undefined) };
  }
  const task = await client().submit(model, input, {
    // A key is not numbered here: calls in flight together may belong to two calls of `generateVideo`.
    ...submitOptions(context, options, call, options.idempotencyKey),
    webhookUrl: readWebhookUrl(callOptions.webhookUrl, options.webhookUrl),
  });
  call.predictionId = task.id;
  const cost = estimateCost(model, input);
  return {
    operation: { id: task.id, ...(cost !== undefined && { cost }) },
    warnings,
    ...toCallInfo(task, modelId, cost),
  };
}

function submitOptions(
  { modelId, onSubmitted }: ModelContext,
  { maxCost }: VideoRequest['options'],
  call: SiblingCall,
  idempotencyKey: string | undefined,
) {
  return {
    signal: call.signal,
    maxCost,
    idempotencyKey,
    onSubmitted: async (task) => {
      call.predictionId = task.id;
      await onSubmitted?.(task, { modelId, idempotencyKey });
    },
  } satisfies RunOptions;
}

function keyAt(key: string | undefined, index: number): string | undefined {
  return key === undefined || index === 0 ? key : `${key}#${index + 1}`;
}

function readWebhookUrl(ofCall: string | undefined, own: string | undefined): string | undefined {
  if (ofCall === undefined || own === undefined) return ofCall ?? own;
  throw new ConfigurationError('`webhookUrl`: got two, one from `ai`; expected at most one.');
}

function warnOfWaitOptions({ options, warnings }: VideoRequest): void {
  for (const name of ['timeoutMs', 'pollIntervalMs'] as const) {
    if (options[name] === undefined) continue;
    const details = 'Not used here: `poll` of `generateVideo` has its own `timeoutMs` and `intervalMs`.';
    warnings.push({ type: 'unsupported', feature: `providerOptions.${PROVIDER_KEY}.${name}`, details });
  }
}

async function readStatus(
  { modelId, client }: ModelContext,
  operation: JsonValue,
  signal: AbortSignal | undefined,
): Promise<VideoStatusResult> {
  const { id, cost } = readOperation(operation);
  const task = await lookOnce(client(), id, signal);
  if (task === undefined) {
    return {
      status: 'pending',
      warnings: [
        { type: 'other', message: `The status of task ${id} could not be read. The task continues.` },
      ],
      providerMetadata: { [PROVIDER_KEY]: { id } },
      response: { timestamp: new Date(), modelId, headers: undefined },
    };
  }
  if (isCompleted(task)) return { status: 'completed', ...toResult(task, modelId, cost, []) };
  const info = toCallInfo(task, modelId, cost);
  if (!isTerminal(task.status)) return { status: 'pending', ...info };
  return { status: 'error', error: new PredictionFailedError(task).message, ...info };
}

function readOperation(operation: JsonValue): VideoOperation {
  const { id, cost } = (typeof operation === 'object' && operation !== null ? operation : {}) as JsonObject;
  if (typeof id !== 'string' || id === '') {
    throw new ConfigurationError('`operation`: expected the `operation` that startVideo returned.');
  }
  return { id, ...(typeof cost === 'number' ? { cost } : {}) };
}

/** Retries until a poll succeeds: a 503 does not mean that the task failed. */
async function lookOnce(
  client: WaveSpeedKling,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Prediction | undefined> {
  try {
    for await (const task of client.watch(id, { signal, timeoutMs: STATUS_TIMEOUT_MS })) return task;
  } catch (error) {
    if (!WaitTimeoutError.isInstance(error)) throw error;
  }
  return undefined;
}
