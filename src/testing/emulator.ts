/**
 * The emulator itself: one account behind the API, told what to fail, asked by whatever transport there is.
 */
import { getErrorMessage } from '../utils/error-message.js';
import { randomBytes } from 'node:crypto';
import {} from '../core/errors/index.js';
import { Account, type AddedTask } from './service/account.js';
import { type EmulatorClock, RealClock } from './service/clock.js';
import { Deliveries, type WebhookDelivery } from './service/deliver.js';
import { Endpoints, type JsonBody } from './service/endpoints.js';
import { type Fault, FaultQueue, isAccepted, type ResetFault } from './network/faults.js';
import { fetchFrom } from './network/fetch.js';
import { type EmulatorOptions, type Settings, settle } from './options.js';
import { applyFault, type Plan } from './network/plan.js';
import { findRoute, type LoggedRequest, logEntry, type Route } from './network/request-log.js';
import type { EmulatorCore, RequestFilter } from './types.js';
import type { EmulatedTask, Task } from './service/task.js';
import { type EmulatedUpload, Uploads } from './service/uploads.js';
import { type Answer, readAll, refusal, type WireRequest } from './network/wire.js';

/** Larger than any submit with images in it; in bytes. */
const JSON_LIMIT = 64 * 1024 * 1024;
/** Where outputs live when there is no server: a name that never resolves. */
export const SOCKETLESS_BASE = 'https://wavespeed-emulator.test';
/** Farther ahead than a timer can be set; in milliseconds. */
const TIMER_LIMIT = 2 ** 31 - 1;

/** The implementation of `EmulatorCore`, with what its transports use. */
export class Core implements EmulatorCore {
  readonly apiKey: string;
  readonly webhookSecret: string;
  readonly requests: LoggedRequest[] = [];
  readonly keyLeaks: LoggedRequest[] = [];
  readonly account: Account;
  readonly clock: EmulatorClock;
  readonly fetch: typeof globalThis.fetch;

  /** What the URLs it gives out begin with. */
  protected base = SOCKETLESS_BASE;
  readonly #settings: Settings;
  readonly #faults = new FaultQueue();
  readonly #endpoints: Endpoints;
  readonly #uploads: Uploads;
  readonly #deliveries: Deliveries;
  /** Tasks whose webhook is still to be sent. */
  readonly #owed = new Set<Task>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #stopListening: () => void;

  /** @param others The names of options that are a subclass's own. */
  constructor(options: EmulatorOptions, others: readonly string[] = []) {
    const settings = settle(options, others);
    this.#settings = settings;
    this.apiKey = settings.apiKey ?? `emulator-${randomBytes(12).toString('hex')}`;
    this.webhookSecret = settings.webhookSecret ?? `whsec_${randomBytes(24).toString('hex')}`;
    this.clock = settings.clock === 'real' ? new RealClock() : settings.clock;
    this.account = new Account(this.clock, settings);
    const around = {
      clock: this.clock,
      settings,
      submitted: (task: Task) => this.#owe(task),
      changed: () => this.#sendOwed(),
    };
    const base = () => this.base;
    this.#endpoints = new Endpoints(this.account, around, base);
    this.#uploads = new Uploads(this.clock, settings, base);
    this.#deliveries = new Deliveries(settings, this.webhookSecret);
    this.#stopListening = this.clock.onAdvance(() => this.#sendOwed());
    this.fetch = fetchFrom(this);
  }

  get uploads(): readonly EmulatedUpload[] {
    return this.#uploads.files;
  }

  get deliveries(): readonly WebhookDelivery[] {
    return this.#deliveries.list;
  }

  requestCount(filter: RequestFilter = {}): number {
    return this.requests.filter(
      (request) =>
        (filter.operation === undefined || request.operation === filter.operation) &&
        (filter.method === undefined || request.method === filter.method) &&
        (filter.path === undefined || request.path === filter.path),
    ).length;
  }

  fail(fault: Fault): void {
    this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  task(id: string): EmulatedTask {
    const task = this.account.ever(id);
    if (task === undefined) throw new RangeError(`task: there is none with the id ${id}`);
    return task;
  }

  addTask(task: AddedTask = {}): EmulatedTask {
    return this.#endpoints.add(task);
  }

  changeOutputs(): void {
    this.#endpoints.outputVersion += 1;
  }

  settled(): Promise<void> {
    return this.#deliveries.settled();
  }

  /** Takes the fault that strikes a connection just made, if any. */
  connectionFault(): ResetFault | undefined {
    return this.#faults.takeConnection();
  }

  /** Takes a request in, and says what is to happen to it. Rejects when the request's body breaks off. */
  async receive(request: WireRequest): Promise<Plan> {
    const route = findRoute(request.method, request.url);
    const entry = logEntry(request, route.operation, this.clock.now());
    this.requests.push(entry);
    const { operation } = route;
    if (['output', 'file', 'put'].includes(operation) && request.headers['authorization'] !== undefined) {
      this.keyLeaks.push(entry);
    }
    let fault: Fault | undefined;
    try {
      fault = this.#faults.take(entry);
    } catch (error) {
      await this.#readBody(request, entry);
      return testMistake('matching', error, entry);
    }
    if (fault === undefined) {
      const answer = await this.#answer(request, route, entry);
      entry.status = answer.status;
      return { answer };
    }
    entry.fault = fault.kind;
    if (fault.kind === 'reset' && fault.onlyReused === true) return applyFault(undefined, fault);
    let answer: Answer | undefined;
    if (isAccepted(fault)) answer = await this.#answer(request, route, entry);
    else await this.#readBody(request, entry);
    let plan: Plan;
    try {
      plan = applyFault(answer, fault);
    } catch (error) {
      return testMistake(fault.kind === 'data' ? 'patch' : 'body', error, entry);
    }
    if (plan.fault === undefined || plan.fault.kind === 'delay' || plan.fault.kind === 'drip') {
      entry.status = plan.answer.status;
    }
    return plan;
  }

  /** Stops what is still going on in the background. */
  protected stop(): void {
    this.#stopListening();
    this.#deliveries.stop();
    this.#owed.clear();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #answer(request: WireRequest, route: Route, entry: LoggedRequest): Promise<Answer> {
    const { operation } = route;
    if (operation === 'put') return this.#uploads.put(request, route, entry);
    if (operation === 'upload' && this.#isAuthorized(request)) return this.#uploads.binary(request, entry);
    const body = await this.#readBody(request, entry);
    if (operation === 'output') return this.#endpoints.output(request, route);
    if (operation === 'file') return this.#uploads.serve(request, route);
    if (operation === 'unknown') return refusal(404, 'page not found');
    if (!this.#isAuthorized(request)) return refusal(401, 'unauthorized: invalid API key');
    if (body === 'too large') return refusal(413, 'the body is too large');
    switch (operation) {
      case 'submit':
        return this.#endpoints.submit(request, route, body);
      case 'result':
        return this.#endpoints.result(route);
      case 'list':
        return this.#endpoints.list(body);
      case 'delete':
        return this.#endpoints.delete(body);
      case 'price':
        return this.#endpoints.price(body);
      case 'balance':
        return this.#endpoints.balance();
      case 'secret':
        return this.#endpoints.secret(this.webhookSecret);
      case 'ticket':
      case 'upload':
        return this.#uploads.ticket(body === 'invalid' ? undefined : body.value);
    }
  }

  #isAuthorized(request: WireRequest): boolean {
    const key = /^Bearer\s+(\S.*)$/i.exec(request.headers['authorization'] ?? '')?.[1]?.trim();
    return key !== undefined && (this.#settings.apiKey === undefined || key === this.#settings.apiKey);
  }

  /** Reads a request to its end and into the log. */
  async #readBody(request: WireRequest, entry: LoggedRequest): Promise<JsonBody | 'too large'> {
    if (entry.operation === 'upload' || entry.operation === 'put') {
      for await (const piece of request.body) entry.bodyBytes += piece.byteLength;
      return { value: undefined };
    }
    const bytes = await readAll(request.body, JSON_LIMIT);
    if (bytes === undefined) return 'too large';
    entry.bodyBytes = bytes.byteLength;
    if (bytes.byteLength === 0) return { value: undefined };
    const text = bytes.toString('utf8');
    try {
      entry.body = JSON.parse(text);
      return { value: entry.body };
    } catch {
      entry.body = text;
      return 'invalid';
    }
  }

  /** Remembers that a task owes a webhook and, under the real clock, looks again when it is due. */
  #owe(task: Task): void {
    if (task.webhook === undefined) return;
    this.#owed.add(task);
    const waitMs = Math.max(0, task.dueMs - this.clock.now());
    if (!(this.clock instanceof RealClock) || waitMs > TIMER_LIMIT) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#sendOwed();
    }, waitMs);
    timer.unref();
    this.#timers.add(timer);
  }

  #sendOwed(): void {
    for (const task of this.#owed) {
      if (task.deleted) this.#owed.delete(task);
      if (task.deleted || task.webhook === undefined || !task.ended) continue;
      this.#owed.delete(task);
      this.#deliveries.send(task.id, task.webhook, { ...task.prediction(), input: task.input });
    }
  }
}

/** Tells of a mistake in the test itself, where it can be read: as the answer. */
function testMistake(field: string, error: unknown, entry: LoggedRequest): Plan {
  entry.status = 500;
  return { answer: refusal(500, `the emulator's fault: \`${field}\` threw: ${getErrorMessage(error)}`) };
}

/**
 * Makes an emulator without a server, to be asked through `emulatorHandlers(emulator)` or `emulator.fetch`.
 *
 * @throws {RangeError} for an option that cannot be meant, naming it.
 * @example
 * const emulator = createEmulator({ balance: 1 });
 * const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
 */
export function createEmulator(options: EmulatorOptions = {}): EmulatorCore {
  return new Core(options);
}
