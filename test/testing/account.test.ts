/** Checks the account: money, history and the secret. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/testing/index.js';
import { call, type Data, O1, O3, result, started, submit } from './support.js';

const HOURS = 60 * 60 * 1000;

describe('money', () => {
  test.each([
    [O1, {}, 0.56],
    [O1, { duration: 10, video: 'https://example.com/a.mp4' }, 1.68],
    [O3, { duration: 3 }, 0.252],
    [O3, { duration: 15, video: 'https://example.com/a.mp4' }, 1.89],
  ])('%s %j costs %d, charged on the submit', async (model, input, cost) => {
    const emulator = await started({ balance: 10 });
    const { id } = await submit(emulator, input, model);
    expect(emulator.account.charged).toBe(cost);
    expect(emulator.account.balance).toBe(Math.round((10 - cost) * 1000) / 1000);
    expect(emulator.task(id).cost).toBe(cost);
    expect((await call(emulator, 'balance')).json.data).toEqual({ balance: emulator.account.balance });
  });

  test('sums stay exact over a thousand tasks', async () => {
    const emulator = await started({ balance: 1000 });
    for (let count = 0; count < 1000; count += 1) await submit(emulator, { duration: 3 }, O1);
    expect(emulator.account.charged).toBe(336);
    expect(emulator.account.balance).toBe(664);
    expect(emulator.account.tasks).toHaveLength(1000);
  });

  test('a submit that the balance does not cover is rejected with 402, and the last cent can be spent', async () => {
    const emulator = await started({ balance: 0.42 });
    await submit(emulator);
    const reply = await call(emulator, O3, { body: { prompt: 'x', duration: 3 } });
    expect([reply.status, reply.json.code]).toEqual([402, 402]);
    expect(emulator.account).toMatchObject({ balance: 0, charged: 0.42 });
    emulator.account.balance = 1;
    expect((await call(emulator, O3, { body: { prompt: 'x', duration: 3 } })).status).toBe(200);
    expect(emulator.account.balance).toBe(0.748);
  });

  test('a failed task is refunded after 3 hours, and not before', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock });
    const { id } = await submit(emulator);
    await submit(emulator);
    emulator.task(id).fail();
    clock.advance(3 * HOURS - 1);
    expect(emulator.account).toMatchObject({ balance: 99.16, refunded: 0 });
    clock.advance(1);
    expect(emulator.account).toMatchObject({ balance: 99.58, refunded: 0.42, charged: 0.84 });
    expect(emulator.task(id).refunded).toBe(true);
  });

  test('model/price responds with the published price, also without a prompt', async () => {
    const emulator = await started();
    const price = (inputs: unknown, model_id = O3) =>
      call(emulator, 'model/price', { body: { model_id, inputs } });
    expect((await price({ duration: 8 })).json.data).toEqual({
      model_id: O3,
      price: 0.672,
      discounted_price: 0.672,
      currency: 'USD',
    });
    expect((await price({ video: 'https://example.com/a.mp4' }, O1)).json.data.price).toBe(0.84);
    expect((await price({ duration: 2 })).status).toBe(400);
    expect((await price({}, 'nobody/nothing')).status).toBe(404);
    expect(emulator.account.charged).toBe(0);
  });
});

describe('the list of predictions', () => {
  const ids = (data: Data) => data.items.map((item) => item.id);

  test('the list is paged, newest first, with the total', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock });
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      made.unshift((await submit(emulator)).id);
      clock.advance(1);
    }
    const page = async (number: number) =>
      (await call(emulator, 'predictions', { body: { page: number, page_size: 2 } })).json.data;
    expect(await page(1)).toMatchObject({ page: 1, total: 5 });
    expect([...ids(await page(1)), ...ids(await page(2)), ...ids(await page(3))]).toEqual(made);
    expect(ids(await page(4))).toEqual([]);
  });

  test('the list filters by model, status and time', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const emulator = await started({ clock, queueMs: 1000, processingMs: 1000 });
    const first = await submit(emulator, {}, O1);
    clock.advance(1500);
    const second = await submit(emulator, {}, O3);
    const list = async (body: unknown) => ids((await call(emulator, 'predictions', { body })).json.data);
    expect(await list({ model: O1 })).toEqual([first.id]);
    expect(await list({ status: 'created' })).toEqual([second.id]);
    expect(await list({ status: 'processing' })).toEqual([first.id]);
    expect(await list({ created_after: '2026-01-01T00:00:01Z' })).toEqual([second.id]);
    expect(await list({ created_before: '2026-01-01T00:00:01.000000001Z' })).toEqual([first.id]);
    expect(await list({ created_after: first.created_at })).toEqual([second.id, first.id]);
    expect(await list({})).toEqual([second.id, first.id]);
  });

  test('the list contains tasks of other programs, in order of time', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock });
    const ours = await submit(emulator);
    const older = emulator.addTask({
      created_at: clock.now() - 5000,
      model: O1,
      input: { prompt: 'theirs' },
    });
    const newer = emulator.addTask({ id: 'theirs', created_at: new Date(clock.now() + 5).toISOString() });
    clock.advance(10);
    const { data } = (await call(emulator, 'predictions', { body: { include_inputs: true } })).json;
    expect(ids(data)).toEqual([newer.id, ours.id, older.id]);
    expect(data.items[2]).toMatchObject({ model: O1, inputs: { prompt: 'theirs' }, status: 'completed' });
    expect(emulator.account.tasks.map((task) => task.id)).toEqual([ours.id]);
    expect(emulator.account.charged).toBe(0.42);
    expect(emulator.addTask({ status: 'processing' }).status).toBe('processing');
    expect(() => emulator.addTask({ created_at: 'yesterday' })).toThrow(/created_at/);
  });

  test.each([
    [undefined, ['inputs']],
    ['inputs', ['inputs']],
    ['input', ['input']],
    ['never', []],
  ] as const)(
    'the list with listInputs %j shows inputs as %j, and only on request',
    async (listInputs, names) => {
      const emulator = await started({ listInputs });
      const { id } = await submit(emulator);
      const list = async (body: unknown) => {
        const [item] = (await call(emulator, 'predictions', { body })).json.data.items;
        return Object.keys(item ?? {}).filter((name) => name.startsWith('input'));
      };
      expect(await list({})).toEqual([]);
      expect(await list({ include_inputs: false })).toEqual([]);
      expect(await list({ include_inputs: true })).toEqual(names);
      expect(await result(emulator, id)).toHaveProperty('input');
    },
  );

  test('the list shows inputs even if results do not', async () => {
    const emulator = await started({ returnInput: false });
    await submit(emulator, { duration: 7 });
    const { data } = (await call(emulator, 'predictions', { body: { include_inputs: true } })).json;
    expect(data.items[0]?.inputs).toMatchObject({ prompt: 'A paper boat', duration: 7 });
  });

  test('the list reaches back 7 days', async () => {
    const emulator = await started({ clock: new ManualClock() });
    const days = 24 * HOURS;
    emulator.addTask({ created_at: emulator.clock.now() - 7 * days - 1 });
    const kept = emulator.addTask({ created_at: emulator.clock.now() - 7 * days });
    expect(ids((await call(emulator, 'predictions', { body: {} })).json.data)).toEqual([kept.id]);
  });

  test('the list lags by listLagMs', async () => {
    const clock = new ManualClock();
    const emulator = await started({ clock, listLagMs: 3000 });
    const { id } = await submit(emulator);
    const list = async () => ids((await call(emulator, 'predictions', { body: {} })).json.data);
    expect(await list()).toEqual([]);
    clock.advance(3000);
    expect(await list()).toEqual([id]);
  });

  test.each([
    { page: 0 },
    { page: 1.5 },
    { page_size: 0 },
    { page_size: 101 },
    { created_after: 'yesterday' },
    { created_before: 5 },
    { model: 5 },
    { status: 5 },
    [],
  ])('the list rejects the query %j', async (body) => {
    const emulator = await started();
    expect((await call(emulator, 'predictions', { body })).status).toBe(400);
  });

  test('delete removes tasks from the list, and responds with their number', async () => {
    const emulator = await started();
    const first = await submit(emulator);
    const second = await submit(emulator);
    const reply = await call(emulator, 'predictions/delete', { body: { ids: [first.id, 'nobody'] } });
    expect(reply.json.data).toEqual({ deleted_count: 1 });
    expect(ids((await call(emulator, 'predictions', { body: {} })).json.data)).toEqual([second.id]);
    expect((await call(emulator, `predictions/${first.id}/result`)).status).toBe(404);
    expect(emulator.task(first.id).deleted).toBe(true);
    expect(emulator.account.charged).toBe(0.84);
    expect((await call(emulator, 'predictions/delete', { body: { ids: 'x' } })).status).toBe(400);
  });

  test('the list pages through 5,000 tasks', async () => {
    const emulator = await started();
    for (let count = 0; count < 5000; count += 1) emulator.addTask();
    const seen = new Set<string>();
    for (let page = 1; page <= 50; page += 1) {
      const { data } = (await call(emulator, 'predictions', { body: { page, page_size: 100 } })).json;
      for (const id of ids(data)) seen.add(id);
    }
    expect(seen.size).toBe(5000);
  });
});

test('GET webhook/secret responds with the secret of the emulator', async () => {
  const emulator = await started();
  expect(emulator.webhookSecret).toMatch(/^whsec_.{16}/);
  expect((await call(emulator, 'webhook/secret')).json.data).toEqual({ secret: emulator.webhookSecret });
  const chosen = await started({ webhookSecret: 'whsec_mine' });
  expect((await call(chosen, 'webhook/secret')).json.data.secret).toBe('whsec_mine');
});

test.each(['balance', 'webhook/secret', 'predictions/x/result'])('GET %s requires the key', async (path) => {
  const emulator = await started();
  expect((await call(emulator, path, { key: null })).status).toBe(401);
});
