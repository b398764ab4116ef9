/** Remembers which webhook deliveries were handled: the interface, and the in-memory store. */

export const CLAIM_STATES = ['new', 'running', 'done'] as const;

/**
 * State of a delivery: `new` – the caller must handle it; `running` – another caller is handling it; `done` – it
 * was handled.
 */
export type WebhookClaim = (typeof CLAIM_STATES)[number];

/**
 * Remembers deliveries by their `webhook-id`, so that each event is handled once. Use a shared store when several processes
 * receive webhooks: `sqlWebhookStore` of `wavespeed-kling/sql`, or your own, tested with `webhookStoreTests` of
 * `wavespeed-kling/testing`. A duplicate of a `running` delivery must not get a 2xx response: if its handler then fails, the
 * event would not be sent again.
 *
 * @example
 * const store: WebhookStore = {
 *   async claim(id, leaseMs) {
 *     if (await redis.set(`webhook:${id}`, 'running', { NX: true, PX: leaseMs })) return 'new';
 *     return (await redis.get(`webhook:${id}`)) === 'done' ? 'done' : 'running';
 *   },
 *   renew: (id, leaseMs) => redis.set(`webhook:${id}`, 'running', { XX: true, PX: leaseMs }),
 *   complete: (id) => redis.set(`webhook:${id}`, 'done', { EX: 86_400 }),
 *   release: (id) => redis.del(`webhook:${id}`),
 * };
 */
export interface WebhookStore {
  /**
   * Claims the delivery if it is new, or if the lease of an earlier claim has ended; atomically, so that only one of two
   * callers gets `new`. The lease is 30,000 ms, or 20 minutes for a store without `renew`.
   */
  claim(webhookId: string, leaseMs: number): WebhookClaim | Promise<WebhookClaim>;
  /**
   * Lets the lease of a claimed delivery end in `leaseMs` from now; called every 10 seconds while `onEvent` runs. The claim of
   * a process that died is then free after 30 seconds.
   */
  renew?(webhookId: string, leaseMs: number): unknown;
  /** Marks a claimed delivery as handled. Keep it for as long as the service repeats deliveries: a day is enough. */
  complete(webhookId: string): unknown;
  /** Releases a claimed delivery: its handler failed, and the next attempt must be handled. */
  release(webhookId: string): unknown;
}

/** 24 hours, well after the service's three retries. */
const KEEP_MS = 24 * 60 * 60 * 1000;

/** A handled delivery is remembered by time, not by count: otherwise many events would let an old one be replayed. */
export function createMemoryStore(keepMs: number = KEEP_MS): WebhookStore {
  const leaseEnds = new Map<string, number>();
  // Oldest first.
  const doneAt = new Map<string, number>();

  return {
    claim(webhookId, leaseMs) {
      const now = Date.now();
      if (now - (doneAt.get(webhookId) ?? -Infinity) < keepMs) return 'done';
      if (now < (leaseEnds.get(webhookId) ?? -Infinity)) return 'running';
      leaseEnds.set(webhookId, now + leaseMs);
      return 'new';
    },
    renew(webhookId, leaseMs) {
      if (leaseEnds.has(webhookId)) leaseEnds.set(webhookId, Date.now() + leaseMs);
    },
    complete(webhookId) {
      const now = Date.now();
      leaseEnds.delete(webhookId);
      doneAt.delete(webhookId);
      doneAt.set(webhookId, now);
      for (const [oldest, at] of doneAt) {
        if (now - at < keepMs) break;
        doneAt.delete(oldest);
      }
    },
    release(webhookId) {
      leaseEnds.delete(webhookId);
    },
  };
}
