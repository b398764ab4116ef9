/** Webhooks: they end a wait at once. Without them the studio polls, and loses nothing. */
import type { Context } from 'hono';
import type { PredictionEvents, WaveSpeedKling } from 'wavespeed-kling';
import { createWebhookReceiver, type WebhookReceiver } from 'wavespeed-kling/webhooks';

export class Webhooks {
  readonly #kling: WaveSpeedKling;
  readonly #url: string | undefined;
  #receiver: Promise<WebhookReceiver | undefined> | undefined;
  receiver: PredictionEvents | undefined;

  /** @param base Where the service reaches this server; undefined where it cannot. */
  constructor(kling: WaveSpeedKling, base: string | undefined) {
    this.#kling = kling;
    this.#url = base === undefined ? undefined : new URL('/webhooks', base).href;
  }

  /** Returns the options of a `run` that gets a webhook, or none. */
  async options(): Promise<{ webhookUrl?: string; webhookReceiver?: PredictionEvents }> {
    if (this.#url === undefined) return {};
    // Asked for once; a service that gives no secret sends none that could be verified.
    this.#receiver ??= this.#kling.webhookSecret().then(
      (secret) => createWebhookReceiver({ secret, maxBodyBytes: 1024 * 1024 }),
      () => undefined,
    );
    const receiver = await this.#receiver;
    this.receiver = receiver;
    return receiver === undefined ? {} : { webhookUrl: this.#url, webhookReceiver: receiver };
  }

  /** Takes a webhook in. It is verified by its signature, whatever host it came to. */
  async take(context: Context): Promise<Response> {
    const receiver = await this.#receiver;
    return receiver === undefined ? context.notFound() : receiver.fetch(context.req.raw);
  }
}
