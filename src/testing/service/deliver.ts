/** Delivers webhooks as the service does: signed, retried when rejected, and sometimes twice. */
import { randomUUID } from 'node:crypto';
import { raceAbort } from '../../utils/abort.js';
import { Call } from '../../utils/call.js';
import { isLoopback } from './webhook-url.js';
import type { Settings } from '../options.js';
import { signWebhook } from './sign.js';

/** One attempt to deliver a webhook. */
export interface WebhookDelivery {
  /** The `webhook-id`: the same for every attempt and duplicate of one event. */
  readonly id: string;
  readonly taskId: string;
  readonly url: string;
  /** From 1 to 4. */
  readonly attempt: number;
  /** Whether it repeats a delivery that succeeded. */
  readonly duplicate: boolean;
  /** The sent headers, with the signature. */
  readonly headers: Readonly<Record<string, string>>;
  /** The sent body: the prediction, without an envelope. */
  readonly body: string;
  /** Status of the response; undefined if there was none. */
  readonly status: number | undefined;
  /** Why there was no response, or why it was not sent. */
  readonly error: string | undefined;
}

/** Most attempts that are kept. */
const MOST_DELIVERIES = 5000;
const RETRIES = 3;
const RESPONSE_TIMEOUT_MS = 20 * 60_000;

export class Deliveries {
  readonly list: WebhookDelivery[] = [];
  readonly #settings: Settings;
  readonly #secret: string;
  readonly #pending = new Set<Promise<void>>();
  readonly #waits = new Set<() => void>();
  readonly #stopped = new AbortController();

  constructor(settings: Settings, secret: string) {
    this.#settings = settings;
    this.#secret = secret;
  }

  send(taskId: string, url: string, event: unknown): void {
    const delivery = this.#deliver(taskId, url, JSON.stringify(event)).finally(() => {
      this.#pending.delete(delivery);
    });
    this.#pending.add(delivery);
  }

  async settled(): Promise<void> {
    // The timers of the retries are unreferenced: keep the process alive while a caller waits.
    const hold = setInterval(() => {}, 60_000);
    try {
      while (this.#pending.size > 0) await Promise.all(this.#pending);
    } finally {
      clearInterval(hold);
    }
  }

  stop(): void {
    this.#stopped.abort();
    for (const wake of this.#waits) wake();
  }

  async #deliver(taskId: string, url: string, body: string): Promise<void> {
    const id = `msg_${randomUUID().replaceAll('-', '')}`;
    for (let attempt = 1; attempt <= 1 + RETRIES; attempt += 1) {
      if (attempt > 1) await this.#pause(this.#settings.webhookRetryMs * 2 ** (attempt - 2));
      if (this.#stopped.signal.aborted) return;
      const taken = await this.#post({ id, taskId, url, body, attempt, duplicate: false });
      if (taken === 'never') return;
      if (!taken) continue;
      for (let more = 0; more < this.#settings.webhookDuplicates; more += 1) {
        await this.#post({ id, taskId, url, body, attempt, duplicate: true });
      }
      return;
    }
  }

  async #post(
    event: Pick<WebhookDelivery, 'id' | 'taskId' | 'url' | 'body' | 'attempt' | 'duplicate'>,
  ): Promise<boolean | 'never'> {
    // The receiver compares with the real time, not with the emulator's clock.
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'wavespeed-webhook',
      ...signWebhook(event.body, this.#secret, { id: event.id, timestamp }),
    };
    const note = (status: number | undefined, error: string | undefined) => {
      this.list.push({ ...event, headers, status, error });
      if (this.list.length > MOST_DELIVERIES) this.list.shift();
    };
    if (!isLoopback(event.url)) {
      note(undefined, 'not sent: the emulator delivers to this machine only');
      return 'never';
    }
    try {
      const status = await this.#send(event.url, headers, event.body);
      note(status, undefined);
      return status >= 200 && status < 300;
    } catch (error) {
      note(undefined, error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  async #send(url: string, headers: Record<string, string>, body: string): Promise<number> {
    const createTimeoutError = () => new Error(`no response within ${RESPONSE_TIMEOUT_MS} ms`);
    const call = new Call({
      signal: this.#stopped.signal,
      timeoutMs: RESPONSE_TIMEOUT_MS,
      createTimeoutError,
    });
    try {
      return await send(url, headers, body, call.signal);
    } finally {
      call.close();
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waits.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      timer.unref();
      this.#waits.add(wake);
    });
  }
}

/**
 * Uses its own dispatcher: tests intercept the global fetch and node:http, and msw rejects requests without a handler.
 */
async function send(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { Agent, request } = await import('undici');
  // Without pipelining there is no keep-alive: no socket stays open.
  const dispatcher = new Agent({ pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });
  try {
    const posted = request(url, { method: 'POST', headers, body, dispatcher });
    const response = await raceAbort(posted, signal);
    response.body.on('error', () => undefined);
    await raceAbort(response.body.dump(), signal);
    return response.statusCode;
  } finally {
    void dispatcher.destroy().catch(() => undefined);
  }
}
