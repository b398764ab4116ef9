/** Polls one task, and parses an answer only if it is not the last one again. */
import type { Prediction } from '../core/prediction.js';
import type { ApiClient } from '../http/api-client.js';
import { errorName, publish } from '../http/diagnostics.js';
import { readTask, resultPathOf } from './history.js';

/** A longer answer is not kept: it may show all inputs. */
const MAX_KEPT_CHARACTERS = 4096;

export class TaskPoll {
  readonly #http: ApiClient;
  readonly #id: string;
  /** Signal of the call, which the events belong to. */
  readonly #callSignal: AbortSignal;
  #text: string | undefined;
  #status = '';

  constructor(http: ApiClient, id: string, callSignal: AbortSignal) {
    this.#http = http;
    this.#id = id;
    this.#callSignal = callSignal;
  }

  /**
   * Fetches the task once, and publishes the poll. Returns undefined if the answer is the last one again.
   *
   * @param last The task as it was last seen: it may say where to look.
   */
  async next(last: Prediction | undefined, signal: AbortSignal): Promise<Prediction | undefined> {
    const sentAt = performance.now();
    const predictionId = this.#id;
    const report = (result: { status?: string; error?: string }) =>
      publish('poll', this.#callSignal, () => ({
        predictionId,
        ...result,
        durationMs: performance.now() - sentAt,
      }));
    try {
      const path = resultPathOf(predictionId, last, this.#http.baseUrl);
      const change = await this.#http.requestChange(
        { method: 'GET', path, signal, predictionId },
        this.#text,
      );
      const seen = change && this.#read(change, path);
      report({ status: this.#status });
      return seen;
    } catch (error) {
      report({ error: errorName(error) });
      throw error;
    }
  }

  #read({ text, data }: { text: string | undefined; data: unknown }, path: string): Prediction {
    const seen = readTask(data, this.#id, path);
    this.#text = text !== undefined && text.length <= MAX_KEPT_CHARACTERS ? text : undefined;
    this.#status = seen.status;
    return seen;
  }
}
