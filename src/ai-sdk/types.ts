/** The parts of the AI SDK's video model specification (ai 6 and 7) that this provider reads and returns. */

export type JsonValue = null | string | number | boolean | JsonObject | JsonValue[];
export type JsonObject = { [key: string]: JsonValue | undefined };

export type VideoFile =
  | { type: 'file'; mediaType: string; data: string | Uint8Array }
  | { type: 'url'; url: string; mediaType?: string };

export type Warning =
  | { type: 'unsupported'; feature: string; details?: string }
  | { type: 'compatibility'; feature: string; details?: string }
  | { type: 'other'; message: string };

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

export interface VideoStartOptions extends VideoCallOptions {
  webhookUrl?: string;
}

interface ResponseInfo {
  timestamp: Date;
  modelId: string;
  headers: Record<string, string> | undefined;
}

export interface CallInfo {
  providerMetadata: Record<string, JsonObject>;
  response: ResponseInfo;
}

export interface VideoUrl {
  type: 'url';
  url: string;
  mediaType: string;
}

export interface VideoResult extends CallInfo {
  videos: VideoUrl[];
  warnings: Warning[];
}

/** Serializable as JSON, so that any process can poll the task. */
export type VideoOperation = {
  id: string;
  /** In US dollars. Absent for a resumed task. */
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

/** The methods of a video model. */
export interface VideoMethods {
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

/** Video model of specification v3, for ai 6 and 7. Only ai 7 uses the last three methods. */
export interface KlingVideoModel extends VideoMethods {
  readonly specificationVersion: 'v3';
  readonly provider: string;
  readonly modelId: string;
  /** Each video is a task of its own. */
  readonly maxVideosPerCall: 1;
}
