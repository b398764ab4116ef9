/** The parts of the AI SDK's video model specification (ai 6 and 7) that this provider reads and returns. */

/** A JSON value, as the AI SDK declares it. */
export type JsonValue = null | string | number | boolean | JsonObject | JsonValue[];
/** A JSON object, as the AI SDK declares it. */
export type JsonObject = { [key: string]: JsonValue | undefined };

/** A reference as `ai` passes it on: bytes, base64 or a URL. */
export type VideoFile =
  | { type: 'file'; mediaType: string; data: string | Uint8Array }
  | { type: 'url'; url: string; mediaType?: string };

/** A setting that is not used, or not as its name says. */
export type Warning =
  | { type: 'unsupported'; feature: string; details?: string }
  | { type: 'compatibility'; feature: string; details?: string }
  | { type: 'other'; message: string };

/** What `generateVideo` calls a model with. */
export interface VideoCallOptions {
  prompt: string | undefined;
  n: number;
  aspectRatio: `${number}:${number}` | 'adaptive' | undefined;
  resolution: `${number}x${number}` | undefined;
  duration: number | undefined;
  fps: number | undefined;
  seed: number | undefined;
  image: VideoFile | undefined;
  frameImages: { image: VideoFile; frameType: 'first_frame' | 'last_frame' }[] | undefined;
  inputReferences: VideoFile[] | undefined;
  generateAudio: boolean | undefined;
  providerOptions: Record<string, JsonObject>;
  abortSignal?: AbortSignal;
  headers?: Record<string, string | undefined>;
}

/** What `generateVideo` of ai 7 starts a task with. */
export interface VideoStartOptions extends VideoCallOptions {
  webhookUrl?: string;
}

interface ResponseInfo {
  timestamp: Date;
  modelId: string;
  headers: Record<string, string> | undefined;
}

/** One call's share of `providerMetadata`. */
export interface CallInfo {
  providerMetadata: Record<string, JsonObject>;
  response: ResponseInfo;
}

/** A video, which `generateVideo` downloads. */
export interface VideoUrl {
  type: 'url';
  url: string;
  mediaType: string;
}

export interface VideoResult extends CallInfo {
  videos: VideoUrl[];
  warnings: Warning[];
}

/** Started task: JSON, for any process. */
export type VideoOperation = {
  /** Id of the task. */
  id: string;
  /** Cost, in US dollars. Absent for a task that was resumed. */
  cost?: number;
};

export interface VideoStartResult extends CallInfo {
  operation: VideoOperation;
  warnings: Warning[];
}

export type VideoStatusResult =
  | ({ status: 'pending'; warnings?: Warning[] } & CallInfo)
  | ({ status: 'completed' } & VideoResult)
  | ({ status: 'error'; error: string } & CallInfo);

/** A video model of specification v3, which ai 6 and 7 take; the last three methods are used by ai 7 alone. */
export interface KlingVideoModel {
  readonly specificationVersion: 'v3';
  readonly provider: string;
  readonly modelId: string;
  /** Each video is a task of its own. */
  readonly maxVideosPerCall: 1;
  doGenerate(options: VideoCallOptions): Promise<VideoResult>;
  handleWebhookOption<Received>(options: {
    webhook: () => PromiseLike<{ url: string; received: Received }>;
  }): Promise<{ webhookUrl: string; received: Received }>;
  doStart(options: VideoStartOptions): Promise<VideoStartResult>;
  doStatus(options: {
    operation: JsonValue;
    abortSignal?: AbortSignal;
    headers?: Record<string, string | undefined>;
  }): Promise<VideoStatusResult>;
}
