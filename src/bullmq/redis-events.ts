/** Webhook events across machines: published where the webhook arrives, received where a worker waits. */
import type { Cluster, Redis } from 'ioredis';
import { checkNames } from '../core/validate-options.js';
import { isTerminal, type Prediction, type PredictionEvents } from '../index.js';
import { checkRedis } from './check-redis.js';

/** A channel of webhook events on Redis. */
export interface RedisEvents extends PredictionEvents {
  /** Publishes an event: pass it as `onEvent` of a webhook receiver. */
  publish: (event: Prediction) => Promise<void>;
  /** Closes the connection that receives events. */
  close(): void;
}

/** How long the last event of a task is kept for a worker that subscribes later, in seconds. */
const KEPT_SECONDS = 3600;

/**
 * Creates a channel of webhook events. Everybody who may publish on this Redis is trusted. An event that is lost costs time, not a video: polling continues as a fallback.
 *
 * @example
 * // In the web server:
 * const receiver = createWebhookReceiver({ secret, onEvent: redisEvents(redis).publish });
 * // In the worker:
 * createKlingWorker('videos', kling, { connection, webhookUrl, webhookReceiver: redisEvents(redis) });
 */
export function redisEvents(
  redis: Redis | Cluster,
  options: { prefix?: string | undefined } = {},
): RedisEvents {
  checkNames(options, ['prefix']);
  const { prefix = 'wavespeed-kling' } = options;
  checkRedis('redisEvents', redis, prefix);
  const channel = `{${prefix}}:events`;
  const eventKey = (id: string) => `{${prefix}}:event:${id}`;
  const listeners = new Map<string, Set<(prediction: Prediction) => void>>();
  let subscriber: Redis | Cluster | undefined;
  let subscribed: Promise<unknown> | undefined;

  const emit = (text: string) => {
    const event = parseEvent(text);
    if (event === undefined) return;
    for (const listener of listeners.get(event.id) ?? []) listener(event);
  };
  /** Resolves when events arrive. */
  const startSubscriber = () => {
    subscriber = (redis as Redis).duplicate();
    subscriber.on('message', (_channel: string, text: string) => emit(text));
    // Reconnects by itself; meanwhile polling continues.
    subscriber.on('error', () => undefined);
    return subscriber.subscribe(channel);
  };

  return {
    async publish(event) {
      // An input may hold images of many megabytes.
      const { input: _, ...kept } = event;
      const text = JSON.stringify(kept);
      if (isTerminal(event.status)) await redis.set(eventKey(event.id), text, 'EX', KEPT_SECONDS);
      await redis.publish(channel, text);
    },
    subscribe(id, listener) {
      subscribed ??= startSubscriber();
      const present = listeners.get(id) ?? new Set();
      listeners.set(id, present.add(listener));
      // First the channel, then the earlier event: the other way round, one could come between them.
      subscribed
        .then(() => redis.get(eventKey(id)))
        .then((text) => {
          const event = text === null ? undefined : parseEvent(text);
          if (event !== undefined && present.has(listener)) listener(event);
        })
        .catch(() => undefined);
      return () => {
        present.delete(listener);
        if (present.size === 0 && listeners.get(id) === present) listeners.delete(id);
      };
    },
    close() {
      subscriber?.disconnect();
      subscriber = undefined;
      subscribed = undefined;
    },
  };
}

/** Returns undefined for what another program has published: it must not end a worker. */
function parseEvent(text: string): Prediction | undefined {
  try {
    const event = JSON.parse(text) as Prediction | null;
    return typeof event?.id === 'string' ? event : undefined;
  } catch {
    return undefined;
  }
}
