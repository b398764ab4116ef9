// What the client asks the service about a model before it pays: the price that only the service knows, and the fields
// that were not read on the model's page.
import { describe, expect, test } from 'vitest';
import {
  BudgetExceededError,
  InvalidInputError,
  InvalidResponseError,
  KLING_O1,
  KLING_O3_PRO,
  KLING_O3_STD,
  KLING_V4,
  type ManyResult,
  memoryJournal,
  type ModelInput,
  ServerError,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { models } from 'wavespeed-kling/schemas';
import { clientOn, done, envelope, failure, task } from '../support/client.js';

const PRICE = '/api/v3/model/price';
const LIST = '/api/v3/models';
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const clip = 'https://example.com/clip.mp4';

const entry = (id: string, fields: readonly string[]) => ({
  model_id: id,
  base_price: 0.785,
  api_schema: {
    api_schemas: [
      {
        request_schema: { type: 'object', properties: Object.fromEntries(fields.map((name) => [name, {}])) },
      },
    ],
  },
});
const allFields = Object.keys(models[KLING_V4].fields);

interface Answers {
  price?: () => Response;
  list?: () => Response;
}

function setup({ price, list }: Answers = {}, options: WaveSpeedKlingOptions = {}) {
  let ids = 0;
  const service = clientOn(
    ({ path, method }) => {
      if (path === PRICE) return price?.() ?? envelope({ price: 2, discounted_price: 1.5 });
      if (path === LIST) return list?.() ?? envelope([entry(KLING_V4, allFields)]);
      if (path.endsWith('/media/uploads')) return envelope(null, 404, 'not found');
      if (path.endsWith('/upload/binary')) return envelope({ download_url: 'https://cdn.example/1.mp4' });
      if (method === 'GET') return envelope(done({ id: path.split('/')[4] }));
      // As the service does, it shows the model that was asked for.
      return envelope(task({ id: `task-${++ids}`, model: path.slice('/api/v3/'.length) }));
    },
    { maxRetries: 0, ...options },
  );
  return { ...service, paths: () => service.seen.map(({ path }) => path) };
}

describe('maxCost with a price that only the service knows', () => {
  const input: ModelInput<typeof KLING_O3_PRO> = { prompt: 'A fox', duration: 8 };

  test('asks for the price of what is sent, after the uploads and before the submit', async () => {
    const { kling, seen, paths } = setup();
    const local = new Blob([Buffer.from('\0\0\0\x1cftypisom\0\0\0\0isom', 'latin1')]);
    await kling.submit(KLING_O3_PRO, { ...input, video: local }, { maxCost: 1.5 });
    expect(paths().slice(-3)).toEqual(['/api/v3/media/upload/binary', PRICE, `/api/v3/${KLING_O3_PRO}`]);
    const [asked, sent] = seen.slice(-2);
    expect(asked?.body).toEqual({ model_id: KLING_O3_PRO, inputs: sent?.body });
    expect(sent?.body).toMatchObject({ video: 'https://cdn.example/1.mp4', duration: 8 });
  });

  test('refuses a task over it, by what this account pays', async () => {
    for (const [options, call] of [[{}, { maxCost: 1.49 }] as const, [{ maxCost: 1.49 }, {}] as const]) {
      const { kling, paths } = setup({}, options);
      const error = await failure(kling.run(KLING_O3_PRO, input, call), BudgetExceededError);
      expect([error.cost, error.maxCost]).toEqual([1.5, 1.49]);
      expect(paths()).toEqual([PRICE]);
    }
  });

  test('submits nothing if the price cannot be had, and says why', async () => {
    const cases: [() => Response, new (...args: never[]) => Error][] = [
      [() => envelope(null, 503, 'busy'), ServerError],
      [() => envelope({}), InvalidResponseError],
      [() => envelope({ price: -1 }), InvalidResponseError],
      [() => envelope({ price: 1, discounted_price: -1 }), InvalidResponseError],
    ];
    for (const [price, type] of cases) {
      const { kling, paths } = setup({ price });
      const error = await failure(kling.submit(KLING_O3_PRO, input, { maxCost: 5 }), type as never);
      expect((error as Error).message).toContain('`maxCost` limits it: nothing was submitted.');
      expect(paths()).toEqual([PRICE]);
    }
  });

  test('also with an idempotency key, whose key is free again', async () => {
    const { kling, paths } = setup();
    const options = { idempotencyKey: 'order-1', maxCost: 1 };
    await failure(kling.submit(KLING_O3_PRO, input, options), BudgetExceededError);
    const { id } = await kling.submit(KLING_O3_PRO, input, { ...options, maxCost: 2 });
    expect(id).toBe('task-1');
    expect(paths()).toEqual([PRICE, PRICE, `/api/v3/${KLING_O3_PRO}`]);
  });

  test('a batch counts the asked prices', async () => {
    const { kling, paths } = setup();
    const requests = [1, 2, 3].map(() => ({ model: KLING_O3_PRO, input }));
    const results: ManyResult[] = [];
    for await (const one of kling.runMany(requests, { maxCost: 3.2, concurrency: 1 })) results.push(one);
    const reasons = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(reasons).toMatchObject([{ name: 'BudgetExceededError', cost: 1.5, spent: 3, maxCost: 3.2 }]);
    expect(paths().filter((path) => path === PRICE)).toHaveLength(3);
    expect(paths().filter((path) => path === `/api/v3/${KLING_O3_PRO}`)).toHaveLength(2);
  });

  test('the journal keeps the price that was asked', async () => {
    const journal = memoryJournal();
    const { kling } = setup({}, { journal });
    await kling.submit(KLING_O3_PRO, input, { idempotencyKey: 'order-1', maxCost: 2 });
    for await (const _ of kling.runMany([{ model: KLING_O3_PRO, input, idempotencyKey: 'order-2' }], {
      maxCost: 2,
      pollIntervalMs: 5,
    }));
    await kling.submit(KLING_O3_PRO, input, { idempotencyKey: 'order-3' });
    const costs = ['order-1', 'order-2', 'order-3'].map(async (key) => (await journal.get(key))?.entry);
    expect(await Promise.all(costs)).toMatchObject([
      { state: 'submitted', cost: 1.5 },
      { state: 'ended', cost: 1.5 },
      { state: 'submitted' },
    ]);
    expect(await costs[2]).not.toHaveProperty('cost');
  });

  test('a key whose mark another caller prevented asks for its price and counts it once', async () => {
    const journal = memoryJournal();
    const { put } = journal;
    journal.put = async (key, entry, revision) => {
      if (entry.state !== 'sending') return put(key, entry, revision);
      journal.put = put;
      const { fingerprint, model, attempt } = entry;
      await put(key, { fingerprint, model, attempt, state: 'idle', reason: 'another caller' }, revision);
      return 'stale';
    };
    const { kling, paths } = setup({}, { journal });
    const request = { model: KLING_O3_PRO, input, idempotencyKey: 'order-1' };
    const results: ManyResult[] = [];
    for await (const one of kling.runMany([request], { maxCost: 2, pollIntervalMs: 5 })) results.push(one);
    expect(results).toMatchObject([{ status: 'fulfilled' }]);
    expect(paths().slice(0, 2)).toEqual([PRICE, `/api/v3/${KLING_O3_PRO}`]);
    expect(await journal.get('order-1')).toMatchObject({ entry: { state: 'ended', cost: 1.5, attempt: 2 } });
  });

  test('asks nothing without a limit, nor where the model knows the price', async () => {
    const { kling, paths } = setup();
    await kling.submit(KLING_O3_PRO, input);
    await kling.submit(KLING_O1, { prompt: 'A fox' }, { maxCost: 5 });
    await kling.submit(KLING_O3_STD, { prompt: 'A fox', video: clip }, { maxCost: 5 });
    expect(paths()).toEqual([KLING_O3_PRO, KLING_O1, KLING_O3_STD].map((id) => `/api/v3/${id}`));
  });

  test('V4 asks only for what its page does not print', async () => {
    const { kling, paths } = setup();
    await kling.submit(KLING_V4, { prompt: 'A fox' }, { maxCost: 5 });
    await kling.submit(KLING_V4, { prompt: 'A fox', resolution: '1080p' }, { maxCost: 5 });
    const submit = `/api/v3/${KLING_V4}`;
    expect(paths()).toEqual([LIST, submit, PRICE, submit]);
    await failure(kling.submit(KLING_V4, { prompt: 'A fox' }, { maxCost: 0.7 }), BudgetExceededError);
    expect(paths()).toHaveLength(4);
  });
});

describe('a model whose fields are not confirmed', () => {
  const submit = `/api/v3/${KLING_V4}`;

  test('is compared with the list once a client, also by calls at the same time', async () => {
    const { kling, paths } = setup();
    await Promise.all([1, 2, 3].map(() => kling.submit(KLING_V4, { prompt: 'A fox' })));
    await kling.submit(KLING_V4, { prompt: 'A fox', audios: ['https://example.com/a.mp3'] });
    expect(paths()).toEqual([LIST, submit, submit, submit, submit]);
  });

  test('refuses a field that the service does not list, and names those it lists', async () => {
    const list = () =>
      envelope([
        entry(KLING_O1, ['prompt']),
        entry(KLING_V4, ['prompt', 'images', 'duration', 'resolution']),
      ]);
    const { kling, paths } = setup({ list });
    const input = { prompt: 'A fox', audios: ['https://example.com/a.mp3'] };
    const error = await failure(kling.run(KLING_V4, input), InvalidInputError);
    expect(error.issues).toMatchObject([{ path: ['audios'] }]);
    expect(error.message).toContain('it lists prompt, images, duration, resolution');
    expect(paths()).toEqual([LIST]);
    // What is not given is not sent, so that it need not be listed.
    await kling.submit(KLING_V4, { prompt: 'A fox', images: [clip] });
    expect(paths()).toEqual([LIST, submit]);
  });

  test('says once why nothing was submitted, to each of the calls that waited for the list', async () => {
    const { kling, paths } = setup({ list: () => envelope(null, 503, 'busy') });
    const submitting = [1, 2, 3].map(() => kling.submit(KLING_V4, { prompt: 'A fox' }));
    for (const call of submitting) {
      const { message } = await failure(call, ServerError);
      expect(message.match(/nothing was submitted/g)).toHaveLength(1);
    }
    expect(paths()).toEqual([LIST]);
  });

  test.each<[string, () => Response]>([
    ['the list fails', () => envelope(null, 503, 'busy')],
    ['the list is not one', () => envelope({ models: [] })],
    ['the model is not in it', () => envelope([entry(KLING_O1, ['prompt'])])],
    ['it does not show the fields', () => envelope([{ model_id: KLING_V4 }])],
  ])('is not submitted if %s, and looked up again', async (_, list) => {
    let isBroken = true;
    const { kling, paths } = setup({
      list: () => (isBroken ? list() : envelope([entry(KLING_V4, allFields)])),
    });
    const error = await failure(kling.submit(KLING_V4, { prompt: 'A fox' }), Error as never);
    expect(String(error)).toMatch(/nothing was submitted|nothing was sent/);
    expect(paths()).toEqual([LIST]);
    if (!InvalidInputError.isInstance(error)) {
      isBroken = false;
      await kling.submit(KLING_V4, { prompt: 'A fox' });
      expect(paths()).toEqual([LIST, LIST, submit]);
    }
  });

  test('is asked before anything is uploaded', async () => {
    const { kling, paths } = setup({ list: () => envelope([entry(KLING_V4, ['prompt'])]) });
    const images = [new Blob([Buffer.from(PNG, 'base64')])];
    await failure(kling.submit(KLING_V4, { prompt: 'A fox', images }), InvalidInputError);
    expect(paths()).toEqual([LIST]);
  });
});

test('the body of V4 holds what was given and the defaults that its page prints', async () => {
  const { kling, seen } = setup();
  await kling.submit(KLING_V4, { prompt: 'A fox', videos: [], audios: undefined });
  expect(seen.at(-1)?.body).toEqual({ prompt: 'A fox', resolution: '720p', duration: 5 });
  const input = {
    prompt: '@Image1 follows @Video1',
    images: [clip],
    videos: [clip],
    keep_original_sound: false,
  };
  await kling.submit(KLING_V4, input);
  expect(seen.at(-1)?.body).toEqual({ ...input, resolution: '720p', duration: 5 });
});

test('listModels returns the entries of the service under their wire names', async () => {
  const entries = [entry(KLING_V4, ['prompt']), { model_id: 'a/b', extra: 1 }];
  const { kling, paths } = setup({ list: () => envelope(entries) });
  expect(await kling.listModels()).toEqual(entries);
  expect(paths()).toEqual([LIST]);
});

test('quote sends the URLs of uploaded files, and nothing made up', async () => {
  const { kling, seen } = setup();
  const local = new Blob([Buffer.from(PNG, 'base64')]);
  await kling.quote(KLING_O3_PRO, { prompt: 'A fox', images: [local] });
  expect(seen.at(-1)?.body).toMatchObject({ inputs: { images: ['https://cdn.example/1.mp4'] } });
  expect(JSON.stringify(seen.map(({ body }) => body ?? null))).not.toContain('local.invalid');
});
