// Charges and refunds: rows in order, totals, and what reconcile finds.
import { describe, expect, test } from 'vitest';
import {
  InvalidInputError,
  InvalidResponseError,
  type Journal,
  type JournalEntry,
  KLING_O3_STD,
  memoryJournal,
  type Reconciliation,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { createEmulator, type EmulatorOptions } from 'wavespeed-kling/testing';
import { clientOn, envelope, rejection, task } from '../support/client.js';

const HOUR = 60 * 60_000;

const row = (fields: Record<string, unknown> = {}) => ({
  uuid: crypto.randomUUID(),
  billing_type: 'deduct',
  price: 0.42,
  created_at: new Date().toISOString(),
  prediction: { uuid: 'task-1', model_uuid: KLING_O3_STD, status: 'completed' },
  ...fields,
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('billings', () => {
  test('sends the query under the service’s names, and yields the rows', async () => {
    const given = row();
    const { kling, seen } = clientOn(() => envelope({ page: 1, has_more: false, items: [given] }));
    const query = {
      type: 'deduct',
      predictionIds: 'task-1',
      from: new Date(0),
      to: '2026-01-01T00:00:00Z',
      model: KLING_O3_STD,
    } as const;
    expect(await collect(kling.billings(query))).toEqual([given]);
    expect(seen.map(({ method, path, body }) => [method, path, body])).toEqual([
      [
        'POST',
        '/api/v3/billings/search',
        {
          billing_type: 'deduct',
          prediction_uuids: ['task-1'],
          model_uuid: KLING_O3_STD,
          start_time: '1970-01-01T00:00:00.000Z',
          end_time: '2026-01-01T00:00:00.000Z',
          sort: 'created_at DESC',
          page: 1,
          page_size: 100,
        },
      ],
    ]);
  });

  test.each([
    ['has_more', (page: number) => ({ has_more: page < 3 })],
    ['total', () => ({ total: 201 })],
    ['neither', () => ({})],
  ])('pages by %s, and yields a row that moved to the next page once', async (_, more) => {
    const rows = Array.from({ length: 201 }, (_unused, index) => row({ uuid: `row-${index}` }));
    const { kling, seen } = clientOn(({ body }) => {
      const { page } = body as { page: number };
      // One newer row came in after each page.
      const start = Math.max(0, (page - 1) * 100 - (page - 1));
      const items = page === 3 ? rows.slice(198) : rows.slice(start, start + 100);
      return envelope({ page, ...more(page), items });
    });
    const ids = (await collect(kling.billings())).map(({ uuid }) => uuid);
    expect([new Set(ids).size, ids.length, seen.length]).toEqual([201, 201, 3]);
  });

  test('makes prices and times the same, whatever the service writes', async () => {
    const items = [
      row({ price: '0.30000000000000004', created_at: '1767225600000' }),
      row({ price: -0.25, created_at: 1767225600000 }),
    ];
    const { kling } = clientOn(() => envelope({ items }));
    expect(await collect(kling.billings())).toMatchObject([
      { price: 0.3, created_at: '2026-01-01T00:00:00.000Z' },
      { price: 0.25, created_at: '2026-01-01T00:00:00.000Z' },
    ]);
  });

  test('an account without rows yields none', async () => {
    const { kling } = clientOn(() => envelope({ page: 1, total: 0, items: null }));
    expect(await collect(kling.billings())).toEqual([]);
  });

  test.each([
    ['a row without a price', { items: [row({ price: null })] }],
    ['no list', {}],
  ])('rejects %s', async (_, data) => {
    const { kling } = clientOn(() => envelope(data), { maxRetries: 0 });
    expect(await rejection(collect(kling.billings()))).toBeInstanceOf(InvalidResponseError);
  });

  test.each([{ type: 'charge' }, { from: 'yesterday' }, { predictionIds: [] }, { predictionId: 'task-1' }])(
    'rejects the query %j before a request',
    async (query) => {
      const { kling, seen } = clientOn(() => envelope({ items: [] }));
      await rejection(collect(kling.billings(query as never)));
      expect(seen).toEqual([]);
    },
  );
});

describe('usage', () => {
  test('sends the range, and returns the totals', async () => {
    const usage = {
      per_model_usage: [{ model_uuid: KLING_O3_STD, total_cost: 0.42 }],
      daily_usage: null,
      summary: { total_cost: 0.42, total_requests: 1, success_requests: 1 },
    };
    const { kling, seen } = clientOn(() => envelope(usage));
    const result = await kling.usage({ from: '2026-01-01', to: new Date(Date.UTC(2026, 0, 2)) });
    expect(result).toEqual({ ...usage, daily_usage: [] });
    expect(seen.map(({ path, body }) => [path, body])).toEqual([
      [
        '/api/v3/user/usage_stats',
        { start_time: '2026-01-01T00:00:00.000Z', end_time: '2026-01-02T00:00:00.000Z' },
      ],
    ]);
  });

  test('requires both times', async () => {
    const { kling, seen } = clientOn(() => envelope({ summary: {} }));
    expect(await rejection(kling.usage({ from: '2026-01-01' } as never))).toBeInstanceOf(InvalidInputError);
    expect(seen).toEqual([]);
  });
});

/** An account as reconcile sees it. */
function reconcileOn(
  account: { tasks?: object[]; rows?: object[]; entries?: Record<string, Partial<JournalEntry>> },
  range = {},
) {
  const { tasks = [], rows = [], entries } = account;
  const journal: Journal | undefined = entries && {
    get: async () => undefined,
    put: async () => 1,
    entries: async function* () {
      for (const [key, entry] of Object.entries(entries)) yield { key, entry: entry as JournalEntry };
    },
  };
  const { kling, seen } = clientOn(
    ({ path }) => envelope({ items: path.endsWith('/billings/search') ? rows : tasks, total: 1 }),
    journal && { journal },
  );
  return { run: () => collect(kling.reconcile(range)), seen };
}

const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
const listed = (fields: Record<string, unknown> = {}) =>
  task({ status: 'completed', inputs: { prompt: 'x' }, ...fields });
const failed = (ms: number) => listed({ status: 'failed', created_at: ago(ms) });
const refund = row({ billing_type: 'refund' });
const submitted = { state: 'submitted', predictionId: 'task-1', model: KLING_O3_STD } as const;

describe('reconcile', () => {
  test.each<[string, Parameters<typeof reconcileOn>[0], Partial<Reconciliation>]>([
    ['charged what it costs', { tasks: [listed()], rows: [row()] }, { finding: 'ok', estimate: 0.42 }],
    [
      'failed 4 hours ago, not refunded',
      { tasks: [failed(4 * HOUR)], rows: [row()] },
      { finding: 'refund_missing', charged: 0.42, refunded: 0 },
    ],
    ['failed an hour ago', { tasks: [failed(HOUR)], rows: [row()] }, { finding: 'refund_pending' }],
    [
      'failed and refunded',
      { tasks: [failed(4 * HOUR)], rows: [refund, row()] },
      { finding: 'ok', charged: 0.42, refunded: 0.42 },
    ],
    [
      'refunded in part',
      { tasks: [failed(4 * HOUR)], rows: [row({ billing_type: 'refund', price: 0.2 }), row()] },
      { finding: 'refund_missing', refunded: 0.2 },
    ],
    [
      'charged more than it costs',
      { tasks: [listed()], rows: [row({ price: 0.4201 })] },
      { finding: 'price_differs', charged: 0.4201, estimate: 0.42 },
    ],
    [
      'charged twice',
      { tasks: [listed()], rows: [row(), row()] },
      { finding: 'price_differs', charged: 0.84 },
    ],
    [
      'of the journal, never charged',
      { tasks: [listed()], entries: { fox: submitted } },
      { finding: 'no_charge', key: 'fox', charged: 0 },
    ],
    [
      'charged, unknown to the journal',
      { tasks: [listed()], rows: [row()], entries: {} },
      { finding: 'no_key' },
    ],
    [
      'charged and of the journal',
      { tasks: [listed()], rows: [row()], entries: { fox: submitted } },
      { finding: 'ok', key: 'fox' },
    ],
    [
      'failed, unrefunded, at another price, without a key: the first finding',
      { tasks: [failed(4 * HOUR)], rows: [row({ price: 9 })], entries: {} },
      { finding: 'refund_missing' },
    ],
    [
      'at another price and without a key: the price',
      { tasks: [listed()], rows: [row({ price: 9 })], entries: {} },
      { finding: 'price_differs' },
    ],
  ])('a task %s', async (_, account, expected) => {
    const { run } = reconcileOn(account);
    expect(await run()).toMatchObject([{ predictionId: 'task-1', ...expected }]);
  });

  test('has no estimate if the history does not show the input', async () => {
    const { run } = reconcileOn({ tasks: [task({ status: 'completed' })], rows: [row({ price: 9 })] });
    expect(await run()).toEqual([
      {
        predictionId: 'task-1',
        model: KLING_O3_STD,
        status: 'completed',
        charged: 9,
        refunded: 0,
        finding: 'ok',
      },
    ]);
  });

  test('sums are exact to 0.0001 dollars', async () => {
    const rows = Array.from({ length: 3 }, () => row({ price: 0.1001 }));
    const { run } = reconcileOn({ tasks: [task({ status: 'completed' })], rows });
    expect(await run()).toMatchObject([{ charged: 0.3003 }]);
  });

  test('takes the tasks of the range by their creation, newest first, also those that the history has lost', async () => {
    const charge = (uuid: string, ms: number) => row({ created_at: ago(ms), prediction: { uuid } });
    const rows = [
      charge('charge-only', HOUR),
      row({ billing_type: 'refund', prediction: { uuid: 'older, refunded now' } }),
      charge('too old', 3 * HOUR),
      charge('too new', 60_000),
    ];
    const entries = {
      a: { ...submitted, predictionId: 'entry-only', submittedAt: ago(1.5 * HOUR) },
      b: { ...submitted, predictionId: 'old entry', submittedAt: ago(3 * HOUR) },
    };
    const tasks = [listed({ id: 'listed', created_at: ago(1.2 * HOUR) })];
    const range = { since: ago(2 * HOUR), until: new Date(Date.now() - 0.5 * HOUR) };
    const { run, seen } = reconcileOn({ tasks, rows, entries }, range);
    const found = await run();
    expect(found.map(({ predictionId, finding }) => [predictionId, finding])).toEqual([
      ['charge-only', 'no_key'],
      ['listed', 'ok'],
      ['entry-only', 'no_charge'],
    ]);
    expect(seen.map(({ path }) => path)).toEqual(['/api/v3/predictions', '/api/v3/billings/search']);
    expect(seen[0]?.body).toMatchObject({
      created_after: range.since,
      created_before: range.until.toISOString(),
      include_inputs: true,
    });
  });
});

describe('on the emulator', () => {
  const start = (options: EmulatorOptions = {}, client: WaveSpeedKlingOptions = {}) => {
    const emulator = createEmulator({ queueMs: 0, processingMs: 0, ...options });
    const { apiKey, fetch } = emulator;
    const pollIntervalMs = () => 1;
    return { emulator, kling: new WaveSpeedKling({ apiKey, fetch, pollIntervalMs, ...client }) };
  };

  test('reconcile agrees with the account, and sends reads only', async () => {
    const { emulator, kling } = start({}, { journal: memoryJournal() });
    await kling.run(KLING_O3_STD, { prompt: 'a' }, { idempotencyKey: 'a' });
    await kling.run(KLING_O3_STD, { prompt: 'b', duration: 7 });
    const third = await kling.submit(KLING_O3_STD, { prompt: 'c' }, { idempotencyKey: 'c' });
    emulator.task(third.id).fail();
    const submits = emulator.requestCount({ operation: 'submit' });
    const found = await collect(kling.reconcile());
    expect(found.map(({ key, finding, charged }) => [key, finding, charged])).toEqual([
      ['c', 'refund_pending', 0.42],
      [undefined, 'no_key', 0.588],
      ['a', 'ok', 0.42],
    ]);
    expect(found.reduce((sum, { charged }) => sum + charged, 0)).toBeCloseTo(emulator.account.charged, 4);
    emulator.clock.advance(3 * HOUR);
    expect((await collect(kling.reconcile({ since: ago(HOUR) })))[0]).toMatchObject({
      key: 'c',
      refunded: 0.42,
      finding: 'ok',
    });
    expect(emulator.requestCount({ operation: 'submit' })).toBe(submits);
  });
});
