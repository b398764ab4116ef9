/** What the tools do, on the public client. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  isCompleted,
  type Journal,
  PredictionFailedError,
  type Prediction,
  WaitTimeoutError,
  type WaveSpeedKling,
} from '../../index.js';
import { estimateCost, type ModelId, models } from '../../schemas.js';
import { EXPECTED_MODEL, findModel, MODELS, shortName } from '../options.js';
import { readRequest, type TaskRequest } from '../request.js';
import { saveOutputs } from '../task.js';
import type { Budget } from './budget.js';
import { toUnits } from './budget.js';
import type { LocalMedia } from './local-media.js';
import { Refusal } from './refusal.js';

export interface VideosOptions {
  kling: WaveSpeedKling;
  journal: Journal;
  budget: Budget;
  media: LocalMedia;
  /** Where downloads go. */
  directory: string;
}

export interface Started {
  id: string;
  cost: number;
  spent: number;
  left: number;
}

const LISTED = 20;
/** A client gives up after 60 seconds. */
const START_LIMIT_MS = 50_000;

const NO_ROW = { update: () => {}, transfer: () => {}, end: () => {}, remove: () => {} };

export class Videos {
  readonly #options: VideosOptions;
  /** Starts under way: a second call with the same key gets the same one. */
  readonly #starting = new Map<string, Promise<Started>>();

  constructor(options: VideosOptions) {
    this.#options = options;
  }

  listModels() {
    const list = Object.entries(MODELS).map(([name, id]) => ({
      name,
      id,
      input_schema: models[id].toolJsonSchema,
    }));
    return { models: list };
  }

  async price(name: string, input: Record<string, unknown>) {
    const { model, request } = await this.#read(name, input);
    const cost = await this.#costOf(request);
    return { model: shortName(model), price: cost, cost };
  }

  async start(given: {
    model: string;
    input: Record<string, unknown>;
    expected_cost: number;
    key?: string | undefined;
  }): Promise<Started> {
    const { request } = await this.#read(given.model, given.input);
    const cost = await this.#costOf(request);
    if (toUnits(given.expected_cost) !== toUnits(cost)) {
      throw new Refusal(
        `The price is $${cost}, and expected_cost is $${given.expected_cost}: nothing was started. Tell the user the price, then call again with expected_cost ${cost}.`,
      );
    }
    const key = await keyOf(request, given.key);
    const starting = this.#starting.get(key) ?? this.#start(key, request, cost);
    this.#starting.set(key, starting);
    const forget = () => {
      if (this.#starting.get(key) === starting) this.#starting.delete(key);
    };
    starting.then(forget, forget);
    return withLimit(starting);
  }

  /** Resolves when no start is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#starting.values());
  }

  async check(id: string, waitSeconds: number, signal: AbortSignal, onStatus: (status: string) => void) {
    const { kling } = this.#options;
    if (waitSeconds === 0) return describeVideo(await kling.get(id, { signal }));
    try {
      const video = await kling.wait(id, {
        signal,
        timeoutMs: waitSeconds * 1000,
        onUpdate: ({ status }) => onStatus(status),
      });
      return describeVideo(video);
    } catch (error) {
      if (PredictionFailedError.isInstance(error)) return describeVideo(error.prediction);
      if (!WaitTimeoutError.isInstance(error)) throw error;
      return describeVideo(error.lastPrediction ?? (await kling.get(id, { signal })));
    }
  }

  async download(id: string, signal: AbortSignal) {
    const { kling, directory } = this.#options;
    const video = await kling.get(id, { signal });
    if (!isCompleted(video)) {
      throw new Refusal(
        `Video ${id} is ${video.status}: there is nothing to download. Call check_video until it is completed.`,
      );
    }
    return { id, files: await saveOutputs(kling, video, directory, NO_ROW) };
  }

  async list(signal: AbortSignal) {
    const videos: ReturnType<typeof describeVideo>[] = [];
    for await (const video of this.#options.kling.list({ page_size: LISTED }, { signal })) {
      videos.push(describeVideo(video));
      if (videos.length >= LISTED) break;
    }
    return { videos };
  }

  async #read(
    name: string,
    input: Record<string, unknown>,
  ): Promise<{ model: ModelId; request: TaskRequest }> {
    const model = findModel(name);
    if (model === undefined)
      throw new Refusal(`model: got ${JSON.stringify(name)}; ${EXPECTED_MODEL}. See list_models.`);
    const { media } = this.#options;
    const fields = { ...input };
    for (const [field, { media: kind }] of Object.entries(models[model].fields)) {
      const value = fields[field];
      if (kind === undefined || value === undefined) continue;
      fields[field] = Array.isArray(value)
        ? await Promise.all(value.map((item) => media.check(item)))
        : await media.check(value);
    }
    return { model, request: await readRequest(model, fields) };
  }

  /** In US dollars: from the list price, or else what the service says. */
  async #costOf({ model, input, files }: TaskRequest): Promise<number> {
    const cost: number | undefined = estimateCost(model, input as { prompt: string });
    if (cost !== undefined) return cost;
    const { kling } = this.#options;
    if (files.length > 0) {
      throw new Refusal(
        'Only the service knows the price of this input, and it can only measure media that are online. Use URLs.',
      );
    }
    const { discounted_price } = await kling.quote(model, input);
    return toUnits(discounted_price) / toUnits(1);
  }

  async #start(key: string, { model, input }: TaskRequest, cost: number): Promise<Started> {
    const { kling, journal, budget } = this.#options;
    const entry = (await journal.get(key))?.entry;
    const id = entry !== undefined && 'predictionId' in entry ? entry.predictionId : undefined;
    if (id !== undefined) return { id, cost, ...this.#money() };
    if (!budget.reserve(key, cost)) {
      throw new Refusal(
        `The video costs $${cost}, and $${budget.left} of the budget of $${budget.maxCost} is left: nothing was started. Choose a cheaper input, or ask the user to raise --max-cost.`,
      );
    }
    try {
      const video = await kling.submit(model, input, { idempotencyKey: key, whenAbsent: 'resubmit' });
      return { id: video.id, cost, ...this.#money() };
    } catch (error) {
      if (await this.#isFree(key)) budget.release(key);
      throw error;
    }
  }

  /** Whether the journal says that nothing was paid for a key: an earlier submit may still be open. */
  async #isFree(key: string): Promise<boolean> {
    try {
      const found = await this.#options.journal.get(key);
      return found === undefined || found.entry.state === 'idle';
    } catch {
      return false;
    }
  }

  #money() {
    const { spent, left } = this.#options.budget;
    return { spent, left };
  }
}

/** The same model, input and key make the same key, wherever a file lies. */
async function keyOf({ model, input, files }: TaskRequest, key: string | undefined): Promise<string> {
  let text = JSON.stringify([model, sorted(input), key ?? null]);
  for (const { href, pathname } of files) {
    text = text.replaceAll(
      JSON.stringify(href),
      JSON.stringify(`sha256:${await digestOf(new URL(href), pathname)}`),
    );
  }
  return `mcp-${createHash('sha256').update(text).digest('hex')}`;
}

async function digestOf(url: URL, name: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(url)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new Refusal(`${name}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).`);
  }
  return hash.digest('hex');
}

const sorted = (input: object) => Object.entries(input).sort(([one], [other]) => (one < other ? -1 : 1));

/** The start continues after the limit, and the next call with the same arguments gets it. */
async function withLimit(starting: Promise<Started>): Promise<Started> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const message =
      'It is not yet certain whether the video was started. Call start_video again with the same arguments: it is not paid twice.';
    timer = setTimeout(() => reject(new Refusal(message)), START_LIMIT_MS);
  });
  try {
    return await Promise.race([starting, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function describeVideo({ id, model, status, created_at, outputs, error }: Prediction) {
  return {
    id,
    model: shortName(model),
    status,
    created_at,
    ...(outputs.length > 0 && { outputs }),
    ...(error !== '' && { error }),
  };
}
