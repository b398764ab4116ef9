/**
 * Which webhook deliveries were handled already: the small interface a caller may implement, and the store in memory.
 */

/** Everything that a store can say of a delivery. */
export const CLAIMS = ['new', 'running', 'done'] as const;

/**
 * What a store says of a delivery: `new` – nobody has it, and it is now the asker's to handle; `running` – another
 * asker is handling it; `done` – it was handled.
 */
export type WebhookClaim = (typeof CLAIMS)[number];

/**
 * Remembers deliveries by their `webhook-id`, so that each event is handled once: give one that all processes share
 * (Redis, a table) when several receive. `running` is told from `done` because a duplicate of an event that is still
 * being handled must not be answered 2xx: if its handler then fails, nobody would send it again.
 *
 * @example
 * const store: WebhookStore = {
 *   // The claim ends by itself after the service's 20 minutes, in case this process dies while it handles the event.
 *   async claim(id) {
 *     if (await redis.set(`webhook:${id}`, 'running', { NX: true, EX: 1_200 })) return 'new';
 *     return (await redis.get(`webhook:${id}`)) === 'done' ? 'done' : 'running';
 *   },
 *   complete: (id) => redis.set(`webhook:${id}`, 'done', { EX: 86_400 }),
 *   release: (id) => redis.del(`webhook:${id}`),
 * };
 */
export interface WebhookStore {
  /** Takes the delivery when nobody has it (in one step, so that of two askers only one gets `new`). */
  claim(webhookId: string): WebhookClaim | Promise<WebhookClaim>;
  /** Marks a claimed delivery as handled; forget it no sooner than the service stops sending it again: a day is ample. */
  complete(webhookId: string): unknown;
  /** Gives a claimed delivery back: its handler failed, and the next attempt must be handled. */
  release(webhookId: string): unknown;
}

/** How many handled deliveries the store in memory keeps: about 2 MB. */
const MAX_ENTRIES = 10_000;

/** How long it keeps them, in milliseconds: 24 hours, far beyond the service's three retries. */
const KEEP_MS = 24 * 60 * 60 * 1000;

/** Makes the default store: this process only, bounded in number and time. */
export function createMemoryStore(maxEntries: number = MAX_ENTRIES, keepMs: number = KEEP_MS): WebhookStore {
  // Running ones stand apart, so that a flood of handled ones never pushes them out.
  const running = new Set<string>();
  // By the order in which they were handled, so the oldest come first.
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
