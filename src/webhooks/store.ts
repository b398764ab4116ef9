/** Remembers which webhook deliveries were handled: the interface, and the in-memory store. */

export const CLAIM_STATES = ['new', 'running', 'done'] as const;

/**
 * State of a delivery: `new` – the caller must handle it; `running` – another caller is handling it; `done` – it
 * was handled.
 */
export type WebhookClaim = (typeof CLAIM_STATES)[number];

/**
 * Remembers deliveries by their `webhook-id`, so that each event is handled once. Use a shared store (Redis, a table)
 * when several processes receive webhooks. A duplicate of a `running` delivery must not get a 2xx response: if its
 * handler then fails, the event would not be sent again.
 *
 * @example
 * const store: WebhookStore = {
 *   // Expires after the service's 20 minutes, in case this process dies while it handles the event.
 *   async claim(id) {
 *     if (await redis.set(`webhook:${id}`, 'running', { NX: true, EX: 1_200 })) return 'new';
 *     return (await redis.get(`webhook:${id}`)) === 'done' ? 'done' : 'running';
 *   },
 *   complete: (id) => redis.set(`webhook:${id}`, 'done', { EX: 86_400 }),
 *   release: (id) => redis.del(`webhook:${id}`),
 * };
 */
export interface WebhookStore {
  /** Claims the delivery if it is new; atomically, so that only one of two callers gets `new`. */
  claim(webhookId: string): WebhookClaim | Promise<WebhookClaim>;
  /** Marks a claimed delivery as handled. Keep it for as long as the service repeats deliveries: a day is enough. */
  complete(webhookId: string): unknown;
  /** Releases a claimed delivery: its handler failed, and the next attempt must be handled. */
  release(webhookId: string): unknown;
}

const MAX_ENTRIES = 10_000;

/** 24 hours, well after the service's three retries. */
const KEEP_MS = 24 * 60 * 60 * 1000;

export function createMemoryStore(maxEntries: number = MAX_ENTRIES, keepMs: number = KEEP_MS): WebhookStore {
  // Separate, so that handled ones never evict running ones.
  const running = new Set<string>();
  // Oldest first.
  const doneAt = new Map<string, number>();

  return {
    claim(webhookId) {
      if (running.has(webhookId)) return 'running';
      const at = doneAt.get(webhookId);
      if (at !== undefined && Date.now() - at < keepMs) return 'done';
      running.add(webhookId);
      return 'new';
    },
    complete(webhookId) {
      running.delete(webhookId);
      doneAt.delete(webhookId);
      doneAt.set(webhookId, Date.now());
      for (const [oldest, at] of doneAt) {
        if (doneAt.size <= maxEntries && Date.now() - at < keepMs) break;
        doneAt.delete(oldest);
      }
    },
    release(webhookId) {
      running.delete(webhookId);
    },
  };
}
