/** Checks the billing search and the usage: charges and refunds, by task, type, time, model and day. */
import { describe, expect, test } from 'vitest';
import { type Emulator, ManualClock } from '../../src/testing/index.js';
import { call, O1, O3, started, submit } from './support.js';

const HOURS = 60 * 60 * 1000;
const START = Date.UTC(2026, 0, 1);

interface Billings {
  page: number;
  total: number;
  has_more: boolean;
  items: { billing_type: string; price: number; prediction: { uuid: string; status: string } }[];
}

async function search(emulator: Emulator, body: unknown): Promise<Billings> {
  return (await call(emulator, 'billings/search', { body })).json.data as unknown as Billings;
}

/** Two tasks, the second a second later. */
async function twoTasks() {
  const clock = new ManualClock(START);
  const emulator = await started({ clock, queueMs: 0, processingMs: 1000 });
  const first = await submit(emulator, {}, O1);
  clock.advance(1000);
  const second = await submit(emulator, { duration: 10 });
  return { clock, emulator, first, second };
}

const ids = ({ items }: Billings) => items.map((item) => item.prediction.uuid);

describe('POST billings/search', () => {
  test('billings show a charge from its submit on, in the documented shape', async () => {
    const { emulator, second } = await twoTasks();
    expect(await search(emulator, { page: 1, page_size: 10, prediction_uuids: [second.id] })).toEqual({
      page: 1,
      total: 1,
      has_more: false,
      items: [
        {
          uuid: expect.stringMatching(/^[0-9a-f]{32}$/),
          billing_type: 'deduct',
          price: 0.84,
          created_at: '2026-01-01T00:00:01.000Z',
          updated_at: '2026-01-01T00:00:01.000Z',
          access_key_name: 'emulator',
          access_key_uuid: expect.stringMatching(/^[0-9a-f]{32}$/),
          order: {
            uuid: expect.stringMatching(/^[0-9a-f]{32}$/),
            state: 'pre',
            price: 0.84,
            origin_price: 0.84,
          },
          prediction: { uuid: second.id, model_uuid: O3, status: 'processing' },
        },
      ],
    });
    expect(emulator.requestCount({ operation: 'billings' })).toBe(1);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(2);
  });

  test('billings are paged and sorted, newest first by default', async () => {
    const { emulator, first, second } = await twoTasks();
    const one = await search(emulator, { page: 1, page_size: 1 });
    const two = await search(emulator, { page: 2, page_size: 1 });
    expect([ids(one), one.has_more, ids(two), two.has_more]).toEqual([[second.id], true, [first.id], false]);
    expect(ids(await search(emulator, { sort: 'created_at ASC' }))).toEqual([first.id, second.id]);
    expect(ids(await search(emulator, { prediction_uuids: [] }))).toHaveLength(2);
    expect(ids(await search(emulator, { prediction_uuids: ['nobody'] }))).toEqual([]);
  });

  test('billings filter by time, model, type and access key', async () => {
    const { emulator, first, second } = await twoTasks();
    expect(ids(await search(emulator, { start_time: START + 1 }))).toEqual([second.id]);
    expect(ids(await search(emulator, { end_time: String(START) }))).toEqual([first.id]);
    expect(ids(await search(emulator, { start_time: '2026-01-01T00:00:00.500Z' }))).toEqual([second.id]);
    expect(ids(await search(emulator, { model_uuid: O1 }))).toEqual([first.id]);
    expect(ids(await search(emulator, { billing_type: 'refund' }))).toEqual([]);
    expect(ids(await search(emulator, { access_key_uuid: 'another' }))).toEqual([]);
  });

  test('billings show the refund of a failed task 3 hours later', async () => {
    const { clock, emulator, first } = await twoTasks();
    const failed = await submit(emulator);
    emulator.task(failed.id).fail();
    clock.advance(3 * HOURS);
    expect(await search(emulator, { billing_type: 'refund' })).toMatchObject({
      total: 1,
      items: [{ price: 0.42, prediction: { uuid: failed.id, status: 'failed' } }],
    });
    expect((await search(emulator, { prediction_uuids: [first.id] })).items).toMatchObject([
      { billing_type: 'deduct', order: { state: 'done' } },
    ]);
  });

  test.each([
    { page: 0 },
    { page_size: 101 },
    { prediction_uuids: 'x' },
    { start_time: 'yesterday' },
    'x',
    [],
  ])('rejects the body %j', async (body) => {
    const emulator = await started();
    const reply = await call(emulator, 'billings/search', { body });
    expect([reply.status, reply.json['error_code']]).toEqual([400, 1401]);
  });

  test('billings require the key', async () => {
    const emulator = await started();
    expect((await call(emulator, 'billings/search', { body: {}, key: null })).status).toBe(401);
  });
});

describe('POST user/usage_stats', () => {
  const usage = async (emulator: Emulator, body: unknown) =>
    (await call(emulator, 'user/usage_stats', { body })).json.data as unknown;
  const range = {
    start_time: new Date(START).toISOString(),
    end_time: new Date(START + 48 * HOURS).toISOString(),
  };

  test('usage sums the tasks of a range by model and day, in the documented shape', async () => {
    const { clock, emulator } = await twoTasks();
    clock.advance(24 * HOURS);
    await submit(emulator, { duration: 10 });
    clock.advance(1000);
    expect(await usage(emulator, range)).toEqual({
      per_model_usage: [
        {
          model_uuid: O1,
          total_cost: 0.56,
          total_count: 1,
          unit_price: 0.56,
          last_used_date: '2026-01-01T00:00:00.000Z',
        },
        {
          model_uuid: O3,
          total_cost: 1.68,
          total_count: 2,
          unit_price: 0.84,
          last_used_date: '2026-01-02T00:00:01.000Z',
        },
      ],
      daily_usage: [
        { date: '2026-01-01', amount: 1.4, count: 2 },
        { date: '2026-01-02', amount: 0.84, count: 1 },
      ],
      summary: { total_cost: 2.24, total_requests: 3, success_requests: 3 },
    });
    expect(emulator.requestCount({ operation: 'usage' })).toBe(1);
  });

  test('usage filters by time and model, and leaves out refunds', async () => {
    const { clock, emulator, first, second } = await twoTasks();
    emulator.task(second.id).fail();
    const before = { total_cost: 0.84, total_requests: 1, success_requests: 0 };
    expect(await usage(emulator, { ...range, model_uuid: O3 })).toMatchObject({ summary: before });
    clock.advance(3 * HOURS);
    expect(await usage(emulator, { ...range, model_uuid: O3 })).toMatchObject({
      summary: { ...before, total_cost: 0 },
    });
    const early = { ...range, end_time: first.created_at };
    expect(await usage(emulator, early)).toMatchObject({ summary: { total_cost: 0.56, total_requests: 1 } });
  });

  test.each([{}, { start_time: range.start_time }, { ...range, end_time: 'tomorrow' }, 'x'])(
    'rejects the body %j',
    async (body) => {
      const emulator = await started();
      expect((await call(emulator, 'user/usage_stats', { body })).status).toBe(400);
    },
  );
});
