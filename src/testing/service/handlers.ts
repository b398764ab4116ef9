/** The API's operations on one account: a request in, a response out. No sockets, no faults. */
import type { DefinedModel } from '../../models/defined-model.js';
import { KLING_O3_STD } from '../../models/family.js';
import { models } from '../../models/catalog.js';
import { type WireResponse, errorResponse, successResponse, type WireRequest } from '../network/wire.js';
import type { Route } from '../network/route.js';
import type { Settings } from '../options.js';
import { type Account, type AddedTask, KEPT_MS, newId } from './account.js';
import { searchBillings } from './billings.js';
import { bytesFile, generatedVideo, serveFile } from './files.js';
import { readListQuery } from './list-query.js';
import { listModels } from './model-list.js';
import { sampleVideo } from './sample-video.js';
import { Task, type TaskContext, type TaskParams } from './task.js';
import { rejectKey } from './storage-error.js';
import { usageStats } from './usage.js';
import { isWebhookUrl } from './webhook-url.js';
import { priceOf } from './prices.js';
import { asFields, checkPriced, checkSubmit, INVALID_PARAMETER, MISSING_PARAMETER } from './validate.js';

export type JsonBody = { value: unknown } | 'invalid';

const INSUFFICIENT_CREDITS = 1406;
const SYNC_TIMEOUT = 5004;

const invalid = (message: string) => errorResponse(400, message, { code: INVALID_PARAMETER });

const readFields = (body: JsonBody) => (body === 'invalid' ? undefined : asFields(body.value));

export class Handlers {
  readonly #account: Account;
  readonly #context: TaskContext;
  readonly #settings: Settings;
  readonly #models: ReadonlyMap<string, DefinedModel>;
  readonly #outputBase: () => string;
  /** Part of the ETag and the bytes of every output. */
  outputVersion = 0;
  #submits = 0;

  constructor(account: Account, context: TaskContext, outputBase: () => string) {
    this.#account = account;
    this.#context = context;
    this.#settings = context.settings;
    this.#outputBase = outputBase;
    const served = [...Object.values(models), ...this.#settings.models];
    this.#models = new Map(served.map((model) => [model.id, model]));
  }

  hasModel(id: string): boolean {
    return this.#models.has(id);
  }

  submit(request: WireRequest, route: Route, body: JsonBody): WireResponse | Promise<WireResponse> {
    const model = this.#models.get(route.name);
    if (model === undefined) return errorResponse(404, `model not found: ${route.name}`);
    const limit = this.#account.exceededLimit();
    if (limit !== undefined) {
      return errorResponse(429, limit.message, {
        headers: { 'retry-after': String(limit.retryAfterSeconds) },
      });
    }
    if (body === 'invalid') return invalid('invalid JSON');
    const checked = checkSubmit(model, body.value);
    if ('rejection' in checked)
      return errorResponse(400, checked.rejection.message, { code: checked.rejection.code });
    const webhook = request.url.searchParams.get('webhook') ?? undefined;
    if (webhook !== undefined && !isWebhookUrl(webhook)) {
      return invalid("query parameter 'webhook' must be an https URL");
    }
    const cost = priceOf(model, checked.input, this.#settings.prices);
    if (!this.#account.covers(cost)) {
      const status = this.#settings.insufficientCreditsStatus;
      return errorResponse(status, 'insufficient credits, please top up', { code: INSUFFICIENT_CREDITS });
    }
    const task = this.#create({
      model: model.id,
      input: checked.input,
      cost,
      webhook,
      apiBase: route.apiBase,
      waiting: this.#account.mustWait(),
      fails: this.#isNextToFail(),
    });
    this.#account.add(task, true);
    this.#context.submitted(task);
    const isSync = asFields(body.value)?.['enable_sync_mode'] === true;
    return isSync ? this.#whenEnded(task) : successResponse(task.prediction());
  }

  /** Spreads the failures evenly. */
  #isNextToFail(): boolean {
    const { failShare } = this.#settings;
    // 0.29 * 100 is a little less than 29.
    const failures = (count: number) => Math.floor(count * failShare + 1e-9);
    this.#submits += 1;
    return failures(this.#submits) > failures(this.#submits - 1);
  }

  result(route: Route): WireResponse {
    const task = this.#account.find(route.name);
    if (task === undefined || this.#context.clock.now() < task.createdAt + this.#settings.resultLagMs) {
      return errorResponse(404, `prediction not found: ${route.name}`);
    }
    return successResponse(task.prediction());
  }

  list(body: JsonBody): WireResponse {
    const query = body === 'invalid' ? 'invalid JSON' : readListQuery(body.value);
    if (typeof query === 'string') return invalid(query);
    const { items, total } = this.#account.list(query);
    return successResponse({
      page: query.page,
      total,
      items: items.map((task) => task.listItem(query.includeInputs)),
    });
  }

  delete(body: JsonBody): WireResponse {
    const ids = readFields(body)?.['ids'];
    if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string')) {
      return invalid("property 'ids' must be an array of strings, not empty");
    }
    return successResponse({ deleted_count: this.#account.delete(ids) });
  }

  balance(): WireResponse {
    return successResponse({ balance: this.#account.balance });
  }

  secret(secret: string): WireResponse {
    return successResponse({ secret });
  }

  /** `POST /model/price`, and the older `/model/pricing`, which has another response shape. */
  price(request: WireRequest, body: JsonBody): WireResponse {
    const fields = readFields(body);
    if (fields === undefined) return invalid('the body must be a JSON object');
    const id = fields['model_id'];
    if (typeof id !== 'string') {
      return errorResponse(400, "property 'model_id' is required", { code: MISSING_PARAMETER });
    }
    const model = this.#models.get(id);
    if (model === undefined) return errorResponse(404, `model not found: ${id}`);
    const checked = checkPriced(model, fields['inputs']);
    if ('rejection' in checked)
      return errorResponse(400, checked.rejection.message, { code: checked.rejection.code });
    const price = priceOf(model, checked.input, this.#settings.prices);
    if (request.url.pathname.endsWith('/pricing'))
      return successResponse({ unit_price: price, currency: 'USD' });
    return successResponse({ model_id: id, price, discounted_price: price, currency: 'USD' });
  }

  models(route: Route): WireResponse {
    return successResponse(listModels(this.#models.values(), route.apiBase, this.#settings.prices));
  }

  billings(body: JsonBody): WireResponse {
    const found = body === 'invalid' ? 'invalid JSON' : searchBillings(this.#account.tasks, body.value);
    return typeof found === 'string' ? invalid(found) : successResponse(found);
  }

  usage(body: JsonBody): WireResponse {
    const found = body === 'invalid' ? 'invalid JSON' : usageStats(this.#account.tasks, body.value);
    return typeof found === 'string' ? invalid(found) : successResponse(found);
  }

  output(request: WireRequest, route: Route): WireResponse {
    if (request.headers['authorization'] !== undefined) return rejectKey();
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return errorResponse(405, 'method not allowed');
    const task = this.#account.findAny(route.name);
    if (task === undefined || task.status !== 'completed') return errorResponse(404, 'not found');
    if (this.#context.clock.now() - task.createdAt > KEPT_MS)
      return errorResponse(410, 'the file has expired');
    const size = this.#settings.outputBytes;
    const metadata = {
      contentType: 'video/mp4',
      etag: `"${task.id}-${route.detail}-${this.outputVersion}"`,
      modifiedMs: task.releasedAt,
    };
    const file =
      size === undefined
        ? bytesFile(sampleVideo(task.input), metadata)
        : { ...metadata, ...generatedVideo(size, this.outputVersion) };
    return serveFile(request.method, request.headers, file, this.#settings.outputRanges);
  }

  add(added: AddedTask): Task {
    const {
      id,
      model = KLING_O3_STD,
      input = { prompt: 'A task of another machine' },
      created_at,
      ...fields
    } = added;
    const ms = created_at === undefined ? this.#context.clock.now() : new Date(created_at).getTime();
    if (Number.isNaN(ms)) {
      throw new RangeError(`addTask: created_at: got ${String(created_at)}; expected a time`);
    }
    const params = {
      model,
      input,
      cost: 0,
      apiBase: this.#outputBase(),
      ...(id === undefined ? {} : { id }),
    };
    const task = this.#create(params, ms, typeof created_at === 'string' ? created_at : undefined);
    if (Object.keys(fields).length > 0) task.set(fields);
    this.#account.add(task, false);
    return task;
  }

  async #whenEnded(task: Task): Promise<WireResponse> {
    const { syncLimitMs } = this.#settings;
    if (await this.#context.whenEnded(task, syncLimitMs)) return successResponse(task.prediction());
    const error = `Sync mode timed out after ${syncLimitMs} ms; the task continues, query its result later`;
    return successResponse({ ...task.prediction(), status: 'processing', code: SYNC_TIMEOUT, error });
  }

  #create(
    params: Omit<TaskParams, 'id' | 'createdAt' | 'created_at' | 'outputBase'> & { id?: string },
    ms: number = this.#context.clock.now(),
    written?: string,
  ): Task {
    const stamp = this.#account.stamp(ms);
    const time = written === undefined ? stamp : { ...stamp, created_at: written };
    return new Task({ id: newId(), ...params, ...time, outputBase: this.#outputBase() }, this.#context);
  }
}
