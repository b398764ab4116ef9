/** A store of webhook deliveries in a table. */
import type { SqlOptions } from './journal.js';
import { connect, type SqlQuery, toText } from './statement.js';

/** 24 hours, well after the service's three retries. */
const KEEP_MS = 24 * 60 * 60_000;
/** Expired rows that each completed delivery removes. */
const CLEANED_AT_ONCE = 10;

/** A `WebhookStore` in a table: `kling_webhooks`. */
export interface SqlWebhookStore {
  claim(webhookId: string, leaseMs: number): Promise<'new' | 'running' | 'done'>;
  renew(webhookId: string, leaseMs: number): Promise<void>;
  complete(webhookId: string): Promise<void>;
  release(webhookId: string): Promise<void>;
}

/**
 * Creates a webhook store in the table `kling_webhooks` of `sqlSchema`, for receivers in several processes. The claim of a
 * process that died is free after its lease. Handled deliveries are remembered for 24 hours; older ones are removed.
 *
 * @throws {ConfigurationError} for a bad option.
 * @example
 * const store = sqlWebhookStore(query, { dialect: 'postgres' });
 * const receiver = createWebhookReceiver({ secret: () => kling.webhookSecret(), store, onEvent });
 */
export function sqlWebhookStore(query: SqlQuery, options: SqlOptions): SqlWebhookStore {
  const { run, now, later, skipLocked } = connect('sqlWebhookStore', query, options);
  return {
    async claim(webhookId, leaseMs) {
      const id = toText(webhookId);
      const claimed = await run`
        INSERT INTO kling_webhooks (id, state, expires_at) VALUES (${id}, 'running', ${later(leaseMs)})
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at
        WHERE kling_webhooks.expires_at <= ${now} RETURNING id`;
      if (claimed.length > 0) return 'new';
      const [row] = await run`SELECT state FROM kling_webhooks WHERE id = ${id}`;
      return row?.state === 'done' ? 'done' : 'running';
    },
    async renew(webhookId, leaseMs) {
      await run`
        UPDATE kling_webhooks SET expires_at = ${later(leaseMs)}
        WHERE id = ${toText(webhookId)} AND state = 'running' RETURNING id`;
    },
    async complete(webhookId) {
      await run`
        INSERT INTO kling_webhooks (id, state, expires_at) VALUES (${toText(webhookId)}, 'done', ${later(KEEP_MS)})
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at RETURNING id`;
      await run`
        DELETE FROM kling_webhooks WHERE id IN (
          SELECT id FROM kling_webhooks WHERE expires_at <= ${now} LIMIT ${CLEANED_AT_ONCE} ${skipLocked})
        RETURNING id`;
    },
    async release(webhookId) {
      await run`DELETE FROM kling_webhooks WHERE id = ${toText(webhookId)} AND state = 'running' RETURNING id`;
    },
  };
}
