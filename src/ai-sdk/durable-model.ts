/**
 * A video model of specification v4 that a workflow can store between its steps. It loads nothing until a step calls it,
 * because the workflow's own function runs where Node's modules cannot be loaded.
 */
import type {
  JsonValue,
  VideoCallOptions,
  VideoMethods,
  VideoResult,
  VideoStartOptions,
  VideoStartResult,
  VideoStatusResult,
} from './types.js';

/** What a workflow stores of a model. */
interface StoredModel {
  modelId: string;
  /** Name given to `registerClient`; without one the client comes from the environment. */
  client?: string;
}

/** Video model of specification v4, for `ai` 7 and `@ai-sdk/workflow/video`. */
export class KlingDurableVideoModel {
  readonly specificationVersion = 'v4' as const;
  readonly provider = 'wavespeed-kling.video';
  readonly modelId: string;
  /** Each video is a task of its own. */
  readonly maxVideosPerCall = 1 as const;
  /** Name of its client. */
  readonly client: string | undefined;
  // Not `#methods`: ai wraps a model in a Proxy, through which such a field cannot be read.
  private methods: Promise<VideoMethods> | undefined;

  constructor({ modelId, client }: StoredModel) {
    this.modelId = modelId;
    this.client = client;
  }

  /** Called by the workflow, which finds this class by its two symbols. */
  static [Symbol.for('workflow-serialize')](model: KlingDurableVideoModel): StoredModel {
    const { modelId, client } = model;
    return { modelId, ...(client === undefined ? {} : { client }) };
  }

  static [Symbol.for('workflow-deserialize')](stored: StoredModel): KlingDurableVideoModel {
    return new KlingDurableVideoModel(stored);
  }

  async doGenerate(options: VideoCallOptions): Promise<VideoResult> {
    return (await this.load()).doGenerate(options);
  }

  async handleWebhookOption<Received>({
    webhook,
  }: {
    webhook: () => PromiseLike<{ url: string; received: Received }>;
  }): Promise<{ webhookUrl: string; received: Received }> {
    const { url, received } = await webhook();
    return { webhookUrl: url, received };
  }

  async doStart(options: VideoStartOptions): Promise<VideoStartResult> {
    return (await this.load()).doStart(options);
  }

  async doStatus(options: {
    operation: JsonValue;
    abortSignal?: AbortSignal;
    headers?: Record<string, string | undefined>;
  }): Promise<VideoStatusResult> {
    return (await this.load()).doStatus(options);
  }

  private load(): Promise<VideoMethods> {
    this.methods ??= import('./durable-runtime.js').then(({ createDurableMethods }) =>
      createDurableMethods(this.modelId, this.client),
    );
    return this.methods;
  }
}
