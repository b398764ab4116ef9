/** The emulator without a transport: the account behind the API and the faults set on it. */
import { randomBytes } from 'node:crypto';
import { addInterception } from '../core/interception.js';
import { getErrorMessage } from '../utils/error-message.js';
import { FaultQueue, isAccepted } from './network/fault-queue.js';
import type { Fault, ResetFault } from './network/faults.js';
import { fetchFrom } from './network/fetch.js';
import { applyFault, type ResponsePlan } from './network/apply-fault.js';
import { readBody } from './network/read-body.js';
import { type LoggedRequest, logEntry, type RequestFilter, RequestLog } from './network/request-log.js';
import { findRoute, type Route } from './network/route.js';
import { type WireResponse, errorResponse, type WireRequest } from './network/wire.js';
import { type EmulatorOptions, resolveOptions, type Settings } from './options.js';
import { Account, type AddedTask } from './service/account.js';
import { type EmulatorClock, RealClock } from './service/clock.js';
import { Deliveries, type WebhookDelivery } from './service/deliver.js';
import { EndWatcher } from './service/end-watcher.js';
import { Handlers } from './service/handlers.js';
import type { EmulatedTask, Task, TaskContext } from './service/task.js';
import { type EmulatedUpload, Uploads } from './service/uploads.js';
import type { EmulatorCore } from './types.js';

/** Base URL of an emulator without a server. The host never resolves. */
export const SOCKETLESS_BASE = 'https://wavespeed-emulator.test';

/** Faults whose response is complete. */
const COMPLETE: readonly string[] = ['delay', 'drip', 'extra'] satisfies Fault['kind'][];

/** Operations of storage and CDN, which must never receive the API key. */
const KEYLESS: readonly string[] = ['output', 'file', 'put'];

export class EmulatorEngine implements EmulatorCore {
  readonly apiKey: string;
  readonly webhookSecret: string;
  readonly keyLeaks: LoggedRequest[] = [];
  readonly account: Account;
  readonly clock: EmulatorClock;
  readonly fetch: typeof globalThis.fetch;

  protected base = SOCKETLESS_BASE;
  readonly #settings: Settings;
  readonly #log = new RequestLog();
  readonly #faults = new FaultQueue();
  readonly #handlers: Handlers;
  readonly #uploads: Uploads;
  readonly #deliveries: Deliveries;
  readonly #endWatcher: EndWatcher;

  constructor(options: EmulatorOptions, others: readonly string[] = []) {
    const settings = resolveOptions(options, others);
    this.#settings = settings;
    this.apiKey = settings.apiKey ?? `emulator-${randomBytes(12).toString('hex')}`;
    this.webhookSecret = settings.webhookSecret ?? `whsec_${randomBytes(24).toString('hex')}`;
    this.clock = settings.clock === 'real' ? new RealClock() : settings.clock;
    const account = new Account(this.clock, settings);
    this.account = account;
    this.#endWatcher = new EndWatcher(this.clock, () => account.nextEnd());
    const base = () => this.base;
    this.#handlers = new Handlers(account, this.#taskContext(), base);
    this.#uploads = new Uploads(this.clock, settings, base);
    this.#deliveries = new Deliveries(settings, this.webhookSecret);
    this.fetch = fetchFrom(this);
  }

  get requests(): readonly LoggedRequest[] {
    return this.#log.entries;
  }

  get uploads(): readonly EmulatedUpload[] {
    return this.#uploads.files;
  }

  get deliveries(): readonly WebhookDelivery[] {
    return this.#deliveries.list;
  }

  requestCount(filter: RequestFilter = {}): number {
    return this.#log.count(filter);
  }

  clearRequests(): void {
    this.#log.clear();
    this.keyLeaks.length = 0;
  }

  fail(fault: Fault): void {
    this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  task(id: string): EmulatedTask {
    const task = this.account.findAny(id);
    if (task === undefined) throw new RangeError(`task: there is none with the id ${id}`);
    return task;
  }

  addTask(task: AddedTask = {}): EmulatedTask {
    return this.#handlers.add(task);
  }

  rotateOutputs(): void {
    this.#handlers.outputVersion += 1;
  }

  settled(): Promise<void> {
    return this.#deliveries.settled();
  }

  intercept(): () => void {
    const fetch = fetchFrom({ receive: (request) => this.receive({ ...request, isTrusted: true }) });
    return addInterception({ apiKey: this.apiKey, fetch });
  }

  connectionFault(): ResetFault | undefined {
    return this.#faults.takeConnection();
  }

  async receive(request: WireRequest): Promise<ResponsePlan> {
    const route = findRoute(request.method, request.url, (id) => this.#handlers.hasModel(id));
    const entry = logEntry(request, route.operation, this.clock.now());
    this.#log.add(entry);
    if (KEYLESS.includes(route.operation) && request.headers['authorization'] !== undefined) {
      this.keyLeaks.push(entry);
    }
    let fault: Fault | undefined;
    try {
      fault = this.#faults.take(entry);
    } catch (error) {
      await readBody(request, entry);
      return callbackError('matching', error, entry);
    }
    if (fault === undefined) {
      const response = await this.#respond(request, route, entry);
      entry.status = response.status;
      return { response };
    }
    entry.fault = fault.kind;
    if (fault.kind === 'reset' && fault.onlyReused === true) return applyFault(undefined, fault);
    let response: WireResponse | undefined;
    if (isAccepted(fault)) response = await this.#respond(request, route, entry);
    else await readBody(request, entry);
    let plan: ResponsePlan;
    try {
      plan = applyFault(response, fault);
    } catch (error) {
      return callbackError(fault.kind === 'data' ? 'patch' : 'body', error, entry);
    }
    if (plan.fault === undefined || COMPLETE.includes(plan.fault.kind)) {
      entry.status = plan.response.status;
    }
    return plan;
  }

  protected stop(): void {
    this.#endWatcher.stop();
    this.#deliveries.stop();
  }

  #taskContext(): TaskContext {
    return {
      clock: this.clock,
      settings: this.#settings,
      startWaiting: () => this.account.startWaiting(),
      whenEnded: (task, limitMs) =>
        new Promise((resolve) => {
          this.#endWatcher.watch(task, resolve, this.clock.now() + limitMs);
        }),
      submitted: (task) => this.#sendWebhookAtEnd(task),
      changed: () => this.#endWatcher.check(),
    };
  }

  async #respond(request: WireRequest, route: Route, entry: LoggedRequest): Promise<WireResponse> {
    const { operation } = route;
    if (operation === 'put') return this.#uploads.put(request, route, entry);
    if (operation === 'upload' && this.#isAuthorized(request)) return this.#uploads.binary(request, entry);
    const body = await readBody(request, entry);
    if (operation === 'output') return this.#handlers.output(request, route);
    if (operation === 'file') return this.#uploads.serve(request, route);
    if (operation === 'unknown') return errorResponse(404, 'page not found');
    if (!this.#isAuthorized(request)) return errorResponse(401, 'unauthorized: invalid API key');
    if (body === 'too large') return errorResponse(413, 'the body is too large');
    switch (operation) {
      case 'submit':
        return this.#handlers.submit(request, route, body);
      case 'result':
        return this.#handlers.result(route);
      case 'list':
        return this.#handlers.list(body);
      case 'delete':
        return this.#handlers.delete(body);
      case 'price':
        return this.#handlers.price(request, body);
      case 'models':
        return this.#handlers.models(route);
      case 'billings':
        return this.#handlers.billings(body);
      case 'usage':
        return this.#handlers.usage(body);
      case 'balance':
        return this.#handlers.balance();
      case 'secret':
        return this.#handlers.secret(this.webhookSecret);
      case 'ticket':
      case 'upload':
        return this.#uploads.ticket(body === 'invalid' ? undefined : body.value);
    }
  }

  #isAuthorized(request: WireRequest): boolean {
    if (request.isTrusted === true) return true;
    const key = /^Bearer\s+(\S.*)$/i.exec(request.headers['authorization'] ?? '')?.[1]?.trim();
    return key !== undefined && (this.#settings.apiKey === undefined || key === this.#settings.apiKey);
  }

  #sendWebhookAtEnd(task: Task): void {
    const url = task.webhook;
    if (url === undefined) return;
    this.#endWatcher.watch(task, (ended) => {
      if (ended) this.#deliveries.send(task.id, url, { ...task.prediction(), input: task.input });
    });
  }
}

function callbackError(field: string, error: unknown, entry: LoggedRequest): ResponsePlan {
  entry.status = 500;
  return {
    response: errorResponse(500, `the emulator's fault: \`${field}\` threw: ${getErrorMessage(error)}`),
  };
}

/**
 * Creates an emulator without a server, to be used through `emulatorHandlers(emulator)` or `emulator.fetch`.
 *
 * @throws {RangeError} for an unknown option or an invalid value, naming it.
 * @example
 * const emulator = createEmulator({ balance: 1 });
 * const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
 */
export function createEmulator(options: EmulatorOptions = {}): EmulatorCore {
  return new EmulatorEngine(options);
}
