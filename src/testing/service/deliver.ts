/**
 * Delivers webhooks as the service does: signed, tried again when refused, and at times twice.
 */
import { randomUUID } from 'node:crypto';
import { orAbort } from '../../utils/abort.js';
import { byDeadline } from '../../utils/with-deadline.js';
import { isLoopback } from './account.js';
import type { Settings } from '../options.js';
import { signWebhook } from './sign.js';

/** One attempt to deliver a webhook. */
export interface WebhookDelivery {
  /** The `webhook-id`: the same for every attempt and duplicate of one event. */
  readonly id: string;
  readonly taskId: string;
  readonly url: string;
  /** From 1; up to 4. */
  readonly attempt: number;
  /** Whether it repeats one that was already taken. */
  readonly duplicate: boolean;
  /** What was sent as headers, the signature among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** The exact text that was sent: the prediction, without an envelope. */
  readonly body: string;
  /** What the receiver answered; undefined when it did not. */
  readonly status: number | undefined;
  /** Why it was not answered, or not even sent. */
  readonly error: string | undefined;
}

const RETRIES = 3;
/** How long the service waits for an answer, in milliseconds. */
const ANSWER_MS = 20 * 60_000;

/** Sends webhooks and keeps the list of what was sent. Never throws: what went wrong stands in the list. */
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

  /** Starts to deliver an event. */
  send(taskId: string, url: string, event: unknown): void {
    const delivery = this.#deliver(taskId, url, JSON.stringify(event)).finally(() => {
      this.#pending.delete(delivery);
    });
    this.#pending.add(delivery);
  }

  /** Waits until nothing is on its way any more. */
  async settled(): Promise<void> {
    // The retries' timers let the process exit; whoever waits here wants it to stay.
    const hold = setInterval(() => {}, 60_000);
    try {
      while (this.#pending.size > 0) await Promise.all(this.#pending);
    } finally {
      clearInterval(hold);
    }
  }

  /** Gives up everything that is on its way. */
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
    // The receiver compares with the real time, whatever the emulator's clock says.
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'wavespeed-webhook',
      ...signWebhook(event.body, this.#secret, { id: event.id, timestamp }),
    };
    const note = (status: number | undefined, error: string | undefined) => {
      this.list.push({ ...event, headers, status, error });
    };
    if (!isLoopback(event.url)) {
      note(undefined, 'not sent: the emulator delivers to this machine only');
      return 'never';
    }
    try {
      const deadline = {
        at: performance.now() + ANSWER_MS,
        reason: () => new Error(`no answer within ${ANSWER_MS} ms`),
      };
      const status = await byDeadline(deadline, this.#stopped.signal, (signal) =>
        send(event.url, headers, event.body, signal),
      );
      note(status, undefined);
      return status >= 200 && status < 300;
    } catch (error) {
      note(undefined, error instanceof Error ? error.message : String(error));
      return false;
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
 * Posts to a receiver and gives its status. By a dispatcher of its own, not by the global fetch or node:http: those are
 * the test's to intercept, and msw would refuse what it has no handler for.
 */
async function send(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { Agent, request } = await import('undici');
  // Without pipelining there is no keep-alive either: nothing is left open.
  const dispatcher = new Agent({ pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });
  try {
    const posted = request(url, { method: 'POST', headers, body, dispatcher });
    const answer = await orAbort(posted, signal);
    answer.body.on('error', () => undefined);
    await orAbort(answer.body.dump(), signal);
    return answer.statusCode;
  } finally {
    void dispatcher.destroy().catch(() => undefined);
  }
}
