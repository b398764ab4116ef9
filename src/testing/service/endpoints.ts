/**
 * The calls of the API, each as a request's parts → an answer; no sockets, no faults.
 */
import { KLING_O3_STD, type ModelDefinition, models } from '../../models/registry.js';
import { type Account, type AddedTask, isWebhookUrl, KEPT_MS, type ListQuery, newId } from './account.js';
import type { EmulatorClock } from './clock.js';
import { bytesFile, madeUpVideo, serveFile } from './files.js';
import type { Settings } from '../options.js';
import type { Route } from '../network/request-log.js';
import { sampleVideo } from './sample-video.js';
import { Task, type TaskSeed, type TaskSurroundings } from './task.js';
import { refuseKey } from './uploads.js';
import { checkSubmit, priceOf } from './validate.js';
import { type Answer, refusal, success, type WireRequest } from '../network/wire.js';

/** A parsed JSON body, or that there was none to parse. */
export type JsonBody = { value: unknown } | 'invalid';

function modelNamed(name: unknown): ModelDefinition | undefined {
  return typeof name === 'string' && Object.hasOwn(models, name)
    ? models[name as keyof typeof models]
    : undefined;
}

function asFields(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Reads a list's body, or says what is wrong with it. */
function readListQuery(fields: Record<string, unknown>): ListQuery | string {
  const { page = 1, page_size = 20, model, status, created_after, created_before } = fields;
  if (!Number.isSafeInteger(page) || (page as number) < 1) return "property 'page' must be 1 or more";
  if (!Number.isSafeInteger(page_size) || (page_size as number) < 1 || (page_size as number) > 100) {
    return "property 'page_size' must be from 1 to 100";
  }
  if (model !== undefined && typeof model !== 'string') return "property 'model' must be a string";
  if (status !== undefined && typeof status !== 'string') return "property 'status' must be a string";
  const time = (value: unknown, open: number) =>
    value === undefined ? open : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  const afterMs = time(created_after, Number.NEGATIVE_INFINITY);
  const beforeMs = time(created_before, Number.POSITIVE_INFINITY);
  if (Number.isNaN(afterMs)) return "property 'created_after' must be an ISO 8601 time";
  if (Number.isNaN(beforeMs)) return "property 'created_before' must be an ISO 8601 time";
  return { page: page as number, pageSize: page_size as number, model, status, afterMs, beforeMs };
}

/** Answers the calls on one account. */
export class Endpoints {
  readonly #account: Account;
  readonly #clock: EmulatorClock;
  readonly #settings: Settings;
  readonly #around: TaskSurroundings;
  readonly #outputBase: () => string;
  /** Part of every output's ETag and bytes: changing it makes them other files. */
  outputVersion = 0;

  constructor(account: Account, around: TaskSurroundings, outputBase: () => string) {
    this.#account = account;
    this.#around = around;
    this.#clock = around.clock;
    this.#settings = around.settings;
    this.#outputBase = outputBase;
  }

  submit(request: WireRequest, route: Route, body: JsonBody): Answer {
    const model = modelNamed(route.name);
    if (model === undefined) return refusal(404, `model not found: ${route.name}`);
    const waitSeconds = this.#account.waitSeconds();
    if (waitSeconds > 0) return refusal(429, 'too many requests', { 'retry-after': String(waitSeconds) });
    if (body === 'invalid') return refusal(400, 'invalid JSON');
    const checked = checkSubmit(model, body.value);
    if ('refused' in checked) return refusal(400, checked.refused);
    const webhook = request.url.searchParams.get('webhook') ?? undefined;
    if (webhook !== undefined && !isWebhookUrl(webhook)) {
      return refusal(400, "query parameter 'webhook' must be an https URL");
    }
    const costMilli = priceOf(model, checked.input) ?? 0;
    if (costMilli > this.#account.balanceMilli) return refusal(402, 'insufficient credits, please top up');
    const task = this.#make({
      model: model.id,
      input: checked.input,
      costMilli,
      webhook,
      apiBase: route.apiBase,
    });
    this.#account.add(task, true);
    this.#around.submitted(task);
    return success(task.prediction());
  }

  result(route: Route): Answer {
    const task = this.#account.find(route.name);
    if (task === undefined || this.#clock.now() < task.createdMs + this.#settings.resultLagMs) {
      return refusal(404, `prediction not found: ${route.name}`);
    }
    return success(task.prediction());
  }

  list(body: JsonBody): Answer {
    const fields = body === 'invalid' ? undefined : asFields(body.value ?? {});
    if (fields === undefined) return refusal(400, 'the body must be a JSON object');
    const query = readListQuery(fields);
    if (typeof query === 'string') return refusal(400, query);
    const { items, total } = this.#account.list(query);
    return success({ page: query.page, total, items: items.map((task) => task.prediction()) });
  }

  delete(body: JsonBody): Answer {
    const ids = body === 'invalid' ? undefined : asFields(body.value)?.['ids'];
    if (!Array.isArray(ids) || ids.length === 0 || !ids.every((id) => typeof id === 'string')) {
      return refusal(400, "property 'ids' must be an array of strings, not empty");
    }
    return success({ deleted_count: this.#account.remove(ids) });
  }

  balance(): Answer {
    return success({ balance: this.#account.balance });
  }

  secret(secret: string): Answer {
    return success({ secret });
  }

  price(body: JsonBody): Answer {
    const fields = body === 'invalid' ? undefined : asFields(body.value);
    if (fields === undefined) return refusal(400, 'the body must be a JSON object');
    const model = modelNamed(fields['model_id']);
    if (model === undefined) return refusal(404, `model not found: ${String(fields['model_id'])}`);
    const milli = priceOf(model, asFields(fields['inputs']) ?? {});
    if (milli === undefined) {
      return refusal(400, `property 'duration' must be one of ${model.durations.join(', ')}`);
    }
    const price = milli / 1000;
    return success({ model_id: model.id, price, discounted_price: price, currency: 'USD' });
  }

  output(request: WireRequest, route: Route): Answer {
    if (request.headers['authorization'] !== undefined) return refuseKey();
    if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405, 'method not allowed');
    const task = this.#account.ever(route.name);
    if (task === undefined || task.status !== 'completed') return refusal(404, 'not found');
    if (this.#clock.now() - task.createdMs > KEPT_MS) return refusal(410, 'the file has expired');
    const size = this.#settings.outputBytes;
    const about = {
      contentType: 'video/mp4',
      etag: `"${task.id}-${route.detail}-${this.outputVersion}"`,
      modifiedMs: task.dueMs,
    };
    const file =
      size === undefined
        ? bytesFile(sampleVideo(task.input), about)
        : { ...about, ...madeUpVideo(size, this.outputVersion) };
    return serveFile(request.method, request.headers, file, this.#settings.outputRanges);
  }

  /** Takes in a task that was started elsewhere. */
  add(added: AddedTask): Task {
    const {
      id,
      model = KLING_O3_STD,
      input = { prompt: 'A task of another machine' },
      created_at,
      ...fields
    } = added;
    const ms = created_at === undefined ? this.#clock.now() : new Date(created_at).getTime();
    if (Number.isNaN(ms))
      throw new RangeError(`addTask: created_at: got ${String(created_at)}; expected a time`);
    const seed = {
      model,
      input,
      costMilli: 0,
      apiBase: this.#outputBase(),
      ...(id === undefined ? {} : { id }),
    };
    const task = this.#make(seed, ms, typeof created_at === 'string' ? created_at : undefined);
    if (Object.keys(fields).length > 0) task.set(fields);
    this.#account.add(task, false);
    return task;
  }

  #make(
    seed: Omit<TaskSeed, 'id' | 'createdMs' | 'created_at' | 'outputBase'> & { id?: string },
    ms: number = this.#clock.now(),
    written?: string,
  ): Task {
    const stamp = this.#account.stamp(ms);
    const time = written === undefined ? stamp : { ...stamp, created_at: written };
    return new Task({ id: newId(), ...seed, ...time, outputBase: this.#outputBase() }, this.#around);
  }
}
