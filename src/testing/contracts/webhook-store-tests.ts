/** The promises of a webhook store, as tests for any test runner. */
import { equal } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ContractTest } from './journal-tests.js';

/** A `WebhookStore`. */
export interface TestedWebhookStore {
  claim(webhookId: string, leaseMs: number): unknown;
  renew?(webhookId: string, leaseMs: number): unknown;
  complete(webhookId: string): unknown;
  release(webhookId: string): unknown;
}

type Open = () => Promise<TestedWebhookStore>;

/** Longer than any test. */
const LONG_MS = 60 * 60_000;

/** Claims until the lease of an earlier claim has ended. */
async function claimWhenFree(store: TestedWebhookStore, id: string): Promise<void> {
  const end = Date.now() + 3_000;
  for (;;) {
    const isLast = Date.now() > end;
    if ((await store.claim(id, LONG_MS)) === 'new') return;
    if (isLast) throw new Error('The claim was not free 3 s after its lease of 1 ms.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until a lease of 1 ms that was claimed before has surely ended, by the store's own clock. */
async function waitForLease(store: TestedWebhookStore): Promise<void> {
  const id = randomUUID();
  await store.claim(id, 1);
  await claimWhenFree(store, id);
}

const PROMISES: Record<string, (open: Open, id: string) => Promise<void>> = {
  'one of 50 concurrent claims of a new delivery gets it': async (open, id) => {
    const stores = await Promise.all([open(), open(), open()]);
    const claims = Array.from({ length: 50 }, async (_, number) =>
      (stores[number % 3] ?? stores[0]).claim(id, LONG_MS),
    );
    const states = await Promise.all(claims);
    equal(states.filter((state) => state === 'new').length, 1, 'expected one claim to get `new`');
    equal(states.filter((state) => state === 'running').length, 49, 'expected the others to get `running`');
  },

  'a claimed delivery is running for every other caller': async (open, id) => {
    const store = await open();
    equal(await store.claim(id, LONG_MS), 'new');
    equal(await store.claim(id, LONG_MS), 'running');
    equal(await (await open()).claim(id, LONG_MS), 'running');
  },

  'a completed delivery is done for every caller': async (open, id) => {
    const store = await open();
    await store.claim(id, LONG_MS);
    await store.complete(id);
    equal(await store.claim(id, LONG_MS), 'done');
    equal(await (await open()).claim(id, LONG_MS), 'done');
  },

  'a released delivery is new again': async (open, id) => {
    const store = await open();
    await store.claim(id, LONG_MS);
    await store.release(id);
    equal(await (await open()).claim(id, LONG_MS), 'new');
  },

  'a release does not undo a completed delivery': async (open, id) => {
    const store = await open();
    await store.claim(id, LONG_MS);
    await store.complete(id);
    await store.release(id);
    equal(await store.claim(id, LONG_MS), 'done');
  },

  'deliveries do not affect each other, also where their ids look alike': async (open, id) => {
    const store = await open();
    const ids = ['', 'A', 'a', ' ', '%', '_', "'", '\\', '\u00e9', '0', 'x'.repeat(200)].map(
      (end) => id + end,
    );
    for (const each of ids) equal(await store.claim(each, LONG_MS), 'new');
    await store.complete(id);
    for (const each of ids.slice(1)) equal(await store.claim(each, LONG_MS), 'running');
  },

  'a claim whose lease has ended, as of a process that died, is new for one of 50 callers': async (
    open,
    id,
  ) => {
    const store = await open();
    if (store.renew === undefined) return;
    equal(await store.claim(id, 1), 'new');
    await waitForLease(store);
    const stores = await Promise.all([open(), open()]);
    const states = await Promise.all(
      Array.from({ length: 50 }, async (_, number) => (stores[number % 2] ?? store).claim(id, LONG_MS)),
    );
    equal(states.filter((state) => state === 'new').length, 1, 'expected one claim to get `new`');
    equal(states.filter((state) => state === 'running').length, 49, 'expected the others to get `running`');
  },

  'a renewed claim outlives its first lease': async (open, id) => {
    const store = await open();
    if (store.renew === undefined) return;
    await store.claim(id, 1);
    await store.renew(id, LONG_MS);
    await waitForLease(store);
    equal(await (await open()).claim(id, LONG_MS), 'running');
  },

  'a renewed claim is free when its new lease has ended': async (open, id) => {
    const store = await open();
    if (store.renew === undefined) return;
    await store.claim(id, LONG_MS);
    await store.renew(id, 1);
    await claimWhenFree(store, id);
  },

  'a completed delivery stays done after the lease of its claim': async (open, id) => {
    const store = await open();
    if (store.renew === undefined) return;
    await store.claim(id, 1);
    await store.complete(id);
    await store.renew(id, 1);
    await waitForLease(store);
    equal(await store.claim(id, LONG_MS), 'done');
  },
};

/**
 * Returns tests of the promises of a webhook store, for people who write their own. Each uses its own ids. Leases are tested
 * if the store has `renew`.
 *
 * @param makeStore Opens the same store again with each call.
 * @example
 * for (const { name, run } of webhookStoreTests(() => myStore(database))) test(name, run);
 */
export function webhookStoreTests(
  makeStore: () => TestedWebhookStore | Promise<TestedWebhookStore>,
): ContractTest[] {
  return Object.entries(PROMISES).map(([name, check]) => ({
    name,
    run: () => check(async () => makeStore(), randomUUID()),
  }));
}
