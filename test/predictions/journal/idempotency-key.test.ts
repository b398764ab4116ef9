import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  ApiError,
  ConfigurationError,
  ConnectionError,
  IdempotencyConflictError,
  InvalidInputError,
  type Journal,
  JournalError,
  KLING_O1,
  KLING_O3_STD,
  memoryJournal,
  PredictionFailedError,
  SubmissionUnknownError,
} from 'wavespeed-kling';
import type { Emulator } from 'wavespeed-kling/testing';
import { onCleanup } from '../../support/cleanup.js';
import { failure } from '../../support/client.js';
import {
  BODY,
  BRIEF,
  clientOf,
  digestOf,
  entryOf,
  INPUT,
  journalWith,
  KEY,
  markOf,
  requestOf,
  sorted,
  start,
  submits,
} from '../../support/keyed.js';

/** A response that is lost after the task was created, and a request that is lost before. */
const ANSWER_LOST = { on: 'submit', kind: 'reset', when: 'request', accepted: true } as const;
const REQUEST_LOST = { on: 'submit', kind: 'reset', when: 'request', accepted: false } as const;

/** For entries whose request is not compared. */
const NOWHERE = { url: 'https://service.example' };
/** What a process leaves behind that died while it submitted. */
const sending = (service: Pick<Emulator, 'url'>, fields: object = {}) => markOf(service, 300_000, fields);

describe('a key that has a task', () => {
  test('a key with a task returns its result without a request, in another client too', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const video = await clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY);
    const requests = emulator.requests.length;
    const told: string[] = [];
    const again = await clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, {
      ...KEY,
      onSubmitted: ({ id }) => void told.push(id),
    });
    // The journal keeps no inputs.
    const { input: _, ...withoutInput } = video;
    expect(again).toEqual(withoutInput);
    expect(told).toEqual([video.id]);
    expect(emulator.requests).toHaveLength(requests);
  });

  test('a key with a task is waited for after a restart, and not submitted again', async () => {
    const emulator = await start({ processingMs: 50 });
    const journal = memoryJournal();
    const { id } = await clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, KEY);
    expect(await entryOf(journal)).toEqual({
      fingerprint: digestOf({ input: sorted(BODY), model: KLING_O3_STD, origin: emulator.url }),
      origin: emulator.url,
      model: KLING_O3_STD,
      attempt: 1,
      state: 'submitted',
      predictionId: id,
      submittedAt: expect.any(String),
      cost: 0.42,
    });
    const video = await clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY);
    expect(video.id).toBe(id);
    expect(submits(emulator)).toBe(1);
    expect(await entryOf(journal)).toMatchObject({
      state: 'ended',
      predictionId: id,
      prediction: { id, outputs: video.outputs },
      cost: 0.42,
    });
    expect(JSON.stringify(await entryOf(journal))).not.toContain(INPUT.prompt);
  });

  test('a key with a failed task rejects with the same error, without a request', async () => {
    const emulator = await start({ failWith: 'moderated' });
    const journal = memoryJournal();
    const first = await failure(
      clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY),
      PredictionFailedError,
    );
    const requests = emulator.requests.length;
    const second = await failure(
      clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY),
      PredictionFailedError,
    );
    expect(second.message).toBe(first.message);
    expect(second.prediction).toMatchObject({ id: first.predictionId, status: 'failed', error: 'moderated' });
    expect(emulator.requests).toHaveLength(requests);
  });

  test('a key accepts the same input with its defaults spelled out', async () => {
    const emulator = await start();
    const kling = clientOf(emulator);
    await kling.submit(KLING_O3_STD, INPUT, KEY);
    await kling.submit(KLING_O3_STD, { sound: false, duration: 5, ...INPUT, images: [] }, KEY);
    expect(submits(emulator)).toBe(1);
  });

  test.each([
    ['another input', KLING_O3_STD, { ...INPUT, duration: 6 }, 'used before with another input'],
    ['another model', KLING_O1, INPUT, `used before with another model (${KLING_O3_STD}) or another input`],
  ] as const)('is rejected with %s; nothing is sent', async (_, model, input, message) => {
    const emulator = await start();
    const kling = clientOf(emulator);
    await kling.run(KLING_O3_STD, INPUT, KEY);
    const requests = emulator.requests.length;
    const error = await failure(kling.run(model, input, KEY), IdempotencyConflictError);
    expect(error.message).toContain(`idempotencyKey "order-1" was ${message}`);
    expect(error.idempotencyKey).toBe('order-1');
    expect(emulator.requests).toHaveLength(requests);
  });

  test('simultaneous calls with one key submit once, in one client or two', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const [one, other] = [clientOf(emulator, { journal }), clientOf(emulator, { journal })];
    const videos = await Promise.all(
      [one, one, other, one, other].map((kling) => kling.run(KLING_O3_STD, INPUT, KEY)),
    );
    expect(new Set(videos.map(({ id }) => id)).size).toBe(1);
    expect(submits(emulator)).toBe(1);
    await failure(one.run(KLING_O3_STD, { prompt: 'An owl' }, KEY), IdempotencyConflictError);
  });

  test('a batch with keys that is run twice is paid once', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const requests = ['a', 'b', 'c'].map((idempotencyKey) => ({
      model: KLING_O3_STD,
      input: INPUT,
      idempotencyKey,
    }));
    const run = async () => {
      const ids: Record<number, string> = {};
      for await (const result of clientOf(emulator, { journal }).runMany(requests)) {
        if (result.status === 'rejected') throw result.reason;
        ids[result.index] = result.value.id;
      }
      return ids;
    };
    const first = await run();
    expect(new Set(Object.values(first)).size).toBe(3);
    expect(await run()).toEqual(first);
    expect(submits(emulator)).toBe(3);
  });
});

describe('local media', () => {
  const png = (seed: number) =>
    Buffer.concat([
      Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex'),
      Buffer.alloc(500, seed),
    ]);

  test('local media are compared by content, and not uploaded again for a key with a task', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'journal-'));
    onCleanup(() => rm(directory, { recursive: true }));
    const emulator = await start();
    const journal = memoryJournal();
    const submit = (image: Blob | URL) =>
      clientOf(emulator, { journal }).submit(KLING_O3_STD, { ...INPUT, images: [image] }, KEY);
    const [one, other] = [join(directory, 'one.png'), join(directory, 'other.png')];
    await writeFile(one, png(1));
    await writeFile(other, png(2));

    const { id } = await submit(new Blob([png(1)]));
    expect(emulator.uploads).toHaveLength(1);
    for (const image of [new File([png(1)], 'x.png'), pathToFileURL(one)]) {
      expect((await submit(image)).id).toBe(id);
    }
    await failure(submit(pathToFileURL(other)), IdempotencyConflictError);
    await failure(submit(new URL('https://cdn.example/one.png')), IdempotencyConflictError);
    const error = await failure(submit(pathToFileURL(join(directory, 'none.png'))), InvalidInputError);
    expect(error.message).toContain('images[0]: "none.png" does not exist');
    expect(emulator.uploads).toHaveLength(1);
    expect(submits(emulator)).toBe(1);
  });

  test('local media are uploaded before the mark', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    let uploads = -1;
    const watched: Journal = {
      get: (key) => journal.get(key),
      put: (key, entry, revision) => {
        if (entry.state === 'sending') uploads = emulator.uploads.length;
        return journal.put(key, entry, revision);
      },
    };
    await clientOf(emulator, { journal: watched }).submit(
      KLING_O3_STD,
      { ...INPUT, images: [new Blob([png(1)])] },
      KEY,
    );
    expect(uploads).toBe(1);
  });
});

describe('a submit that was not accepted', () => {
  test.each([400, 401, 403, 422])('a %i frees the key, for another input too', async (status) => {
    const emulator = await start();
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal });
    emulator.fail({ on: 'submit', kind: 'status', status });
    await failure(kling.submit(KLING_O3_STD, INPUT, KEY), ApiError);
    expect(await entryOf(journal)).toMatchObject({ state: 'idle', attempt: 1 });
    const { id } = await kling.submit(KLING_O3_STD, { prompt: 'An owl' }, KEY);
    expect(await entryOf(journal)).toMatchObject({ state: 'submitted', predictionId: id, attempt: 2 });
    expect(emulator.account.tasks).toHaveLength(1);
  });

  test('each retry after a 429 has a new mark', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const states: string[] = [];
    const watched: Journal = {
      get: (key) => journal.get(key),
      put: (key, entry, revision) => {
        states.push(`${entry.state} ${entry.attempt}`);
        return journal.put(key, entry, revision);
      },
    };
    emulator.fail({ on: 'submit', kind: 'status', status: 429, headers: { 'retry-after': '0' } });
    await clientOf(emulator, { journal: watched, maxRetries: 1 }).submit(KLING_O3_STD, INPUT, KEY);
    expect(states).toEqual(['sending 1', 'idle 1', 'sending 2', 'submitted 2']);
  });

  test('a failed connect frees the key', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const unreachable = clientOf(emulator, { journal, baseUrl: 'http://127.0.0.1:1' });
    const error = await failure(unreachable.submit(KLING_O3_STD, INPUT, KEY), ConnectionError);
    expect(error.requestSent).toBe(false);
    expect(await entryOf(journal)).toMatchObject({ state: 'idle', reason: 'ConnectionError' });
    await clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, KEY);
    expect(submits(emulator)).toBe(1);
  });

  test('a submit is not sent if its mark took longer than leaseMs, as after a freeze', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const slow: Journal = {
      get: (key) => journal.get(key),
      put: async (key, entry, revision) => {
        const put = await journal.put(key, entry, revision);
        const until = Date.now() + 30;
        while (entry.state === 'sending' && Date.now() < until);
        return put;
      },
    };
    const kling = clientOf(emulator, { journal: slow, idempotency: { leaseMs: 10 } });
    const error = await failure(kling.submit(KLING_O3_STD, INPUT, KEY), ConnectionError);
    expect(error.message).toContain('idempotency.leaseMs (10 ms) had passed');
    expect(error.requestSent).toBe(false);
    expect(submits(emulator)).toBe(0);
    expect(await entryOf(journal)).toMatchObject({ state: 'idle' });
  });
});

describe('a lost response', () => {
  test.each([
    ['shows inputs', {}],
    ['shows none, but the result does', { listInputs: 'never' as const }],
  ])('a lost response is recovered from a list that %s: one POST', async (_, options) => {
    const emulator = await start(options);
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal });
    emulator.addTask({ input: { ...BODY, prompt: 'An owl' } });
    emulator.fail(ANSWER_LOST);
    const video = await kling.run(KLING_O3_STD, INPUT, KEY);
    expect(video.id).toBe(emulator.account.tasks[0]?.id);
    expect(submits(emulator)).toBe(1);
    expect(await entryOf(journal)).toMatchObject({ state: 'ended', predictionId: video.id });
  });

  test('several keys with the same input recover one task each', async () => {
    const emulator = await start();
    const kling = clientOf(emulator);
    emulator.fail({ ...ANSWER_LOST, times: 3 });
    const videos = await Promise.all(
      ['a', 'b', 'c'].map((idempotencyKey) => kling.run(KLING_O3_STD, INPUT, { idempotencyKey })),
    );
    expect(new Set(videos.map(({ id }) => id)).size).toBe(3);
    expect(submits(emulator)).toBe(3);
  });

  test('a lost response stays open if neither list nor result shows inputs: no second POST', async () => {
    const emulator = await start({ listInputs: 'never', returnInput: false });
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal, ...BRIEF });
    emulator.fail(ANSWER_LOST);
    const options = { ...KEY, whenAbsent: 'resubmit' } as const;
    const error = await failure(kling.run(KLING_O3_STD, INPUT, options), SubmissionUnknownError);
    expect(error.message).toContain('idempotencyKey "order-1"');
    expect(error.message).toContain('kling.resolve("order-1", predictionId)');
    expect(error.input).toEqual(BODY);
    expect(submits(emulator)).toBe(1);
    const [candidate] = await error.candidates();
    await kling.resolve(KEY.idempotencyKey, candidate?.id ?? '');
    expect((await kling.run(KLING_O3_STD, INPUT, KEY)).id).toBe(emulator.account.tasks[0]?.id);
    expect(submits(emulator)).toBe(1);
  });

  test('a lost response is recovered from a list that lags, within settleMs', async () => {
    const emulator = await start({ listLagMs: 700 });
    const kling = clientOf(emulator, { idempotency: { leaseMs: 200, settleMs: 5000 } });
    emulator.fail(ANSWER_LOST);
    const { id } = await kling.submit(KLING_O3_STD, INPUT, { ...KEY, whenAbsent: 'resubmit' });
    expect(emulator.account.tasks.map((task) => task.id)).toEqual([id]);
  });

  test('a lost response is recovered although the first list requests fail', async () => {
    const emulator = await start();
    const kling = clientOf(emulator, BRIEF);
    emulator.fail(ANSWER_LOST);
    emulator.fail({ on: 'list', kind: 'status', status: 500 });
    const { id } = await kling.submit(KLING_O3_STD, INPUT, { ...KEY, whenAbsent: 'resubmit' });
    expect(emulator.account.tasks.map((task) => task.id)).toEqual([id]);
  });

  test('a lost response stays open while the list cannot be read: no second POST', async () => {
    const emulator = await start();
    const kling = clientOf(emulator, BRIEF);
    emulator.fail(REQUEST_LOST);
    emulator.fail({ on: 'list', kind: 'status', status: 500, times: Infinity });
    const options = { ...KEY, whenAbsent: 'resubmit' } as const;
    const error = await failure(kling.submit(KLING_O3_STD, INPUT, options), SubmissionUnknownError);
    expect(error.cause).toBeInstanceOf(ApiError);
    expect(submits(emulator)).toBe(1);
  });
});

describe('a lost request', () => {
  test('a lost request is not repeated by default; resolve(key, null) frees the key', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal, ...BRIEF });
    emulator.fail(REQUEST_LOST);
    const error = await failure(kling.run(KLING_O3_STD, INPUT, KEY), SubmissionUnknownError);
    expect(error.message).toContain('kling.resolve("order-1", null)');
    expect(await error.candidates()).toEqual([]);
    // And again, at once.
    await failure(kling.run(KLING_O3_STD, INPUT, KEY), SubmissionUnknownError);
    expect(submits(emulator)).toBe(1);
    await kling.resolve('order-1', null);
    expect(await entryOf(journal)).toMatchObject({ state: 'idle', reason: 'resolved by hand' });
    await kling.run(KLING_O3_STD, INPUT, KEY);
    expect(submits(emulator)).toBe(2);
    expect(emulator.account.tasks).toHaveLength(1);
  });

  test("is repeated once with whenAbsent 'resubmit', not before it is certain", async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal, ...BRIEF });
    const times: Record<string, number> = {};
    emulator.fail({
      ...REQUEST_LOST,
      matching: () => {
        times.first ??= Date.now();
        return true;
      },
    });
    emulator.fail({
      on: 'submit',
      kind: 'delay',
      ms: 0,
      matching: () => ((times.second = Date.now()), true),
    });
    const { id } = await kling.submit(KLING_O3_STD, INPUT, { ...KEY, whenAbsent: 'resubmit' });
    expect(submits(emulator)).toBe(2);
    expect(emulator.account.tasks.map((task) => task.id)).toEqual([id]);
    // The mark is at most 600 ms older than the request, and 1200 ms pass after it.
    expect((times.second ?? 0) - (times.first ?? 0)).toBeGreaterThanOrEqual(600);
    expect(await entryOf(journal)).toMatchObject({ state: 'submitted', attempt: 2 });
  });

  test('a lost request is repeated at most once by a call', async () => {
    const emulator = await start();
    const kling = clientOf(emulator, { requestTimeoutMs: 400, idempotency: { leaseMs: 400, settleMs: 1 } });
    emulator.fail({ ...REQUEST_LOST, times: Infinity });
    const options = { ...KEY, whenAbsent: 'resubmit' } as const;
    await failure(kling.submit(KLING_O3_STD, INPUT, options), SubmissionUnknownError);
    expect(submits(emulator)).toBe(2);
  });

  test('a lost request is left open by an abort, which names the reason', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    emulator.fail(REQUEST_LOST);
    const controller = new AbortController();
    emulator.fail({
      on: 'list',
      kind: 'delay',
      ms: 0,
      matching: () => (controller.abort(new Error('enough')), true),
    });
    const running = clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, {
      ...KEY,
      signal: controller.signal,
    });
    const error = await failure(running, SubmissionUnknownError);
    expect(error.cause).toBe(controller.signal.reason);
    expect(await entryOf(journal)).toMatchObject({ state: 'sending' });
  });

  test('an accepted submit that was aborted names its task and its key', async () => {
    const emulator = await start();
    const controller = new AbortController();
    emulator.fail({
      on: 'submit',
      kind: 'delay',
      ms: 50,
      matching: () => (controller.abort(new Error('enough')), true),
    });
    const running = clientOf(emulator).run(KLING_O3_STD, INPUT, { ...KEY, signal: controller.signal });
    const error = await failure(running, SubmissionUnknownError);
    expect(error).toMatchObject({ ...KEY, predictionId: emulator.account.tasks[0]?.id, retry: 'resume' });
  });

  test('a lost request is left open when timeoutMs passes', async () => {
    const emulator = await start();
    emulator.fail(REQUEST_LOST);
    const running = clientOf(emulator).run(KLING_O3_STD, INPUT, { ...KEY, timeoutMs: 2000 });
    const error = await failure(running, SubmissionUnknownError);
    expect(error.cause).toMatchObject({ name: 'RequestTimeoutError' });
    expect(submits(emulator)).toBe(1);
  });
});

describe('a process that died', () => {
  test('a process that died after the POST: its task is found and taken', async () => {
    const emulator = await start();
    const journal = await journalWith(sending(emulator));
    const own = emulator.addTask({ input: BODY, created_at: Date.now() - 299_000 });
    emulator.addTask({ input: { ...BODY, duration: 6 }, created_at: Date.now() - 298_000 });
    const { id } = await clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, KEY);
    expect(id).toBe(own.id);
    expect(submits(emulator)).toBe(0);
  });

  test('a process that died after the POST: its task is found though this client has waited for it', async () => {
    const emulator = await start();
    const journal = await journalWith(sending(emulator));
    const own = emulator.addTask({ input: BODY, created_at: Date.now() - 299_000 });
    const kling = clientOf(emulator, { journal });
    await kling.wait(own.id);
    const { id } = await kling.submit(KLING_O3_STD, INPUT, { ...KEY, whenAbsent: 'resubmit' });
    expect(id).toBe(own.id);
    expect(submits(emulator)).toBe(0);
  });

  test('a process that died before the POST: nothing is submitted by default', async () => {
    const emulator = await start();
    const journal = await journalWith(sending(emulator));
    await failure(clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, KEY), SubmissionUnknownError);
    expect(submits(emulator)).toBe(0);
  });

  test("before the POST: it is submitted with whenAbsent 'resubmit'", async () => {
    const emulator = await start();
    const journal = await journalWith(sending(emulator));
    // Of another key, and of another time.
    const owl = emulator.addTask({ input: { ...BODY, prompt: 'An owl' }, created_at: Date.now() - 299_000 });
    const taken = { fingerprint: 'of an owl', model: KLING_O3_STD, attempt: 1, predictionId: owl.id };
    await journal.put('order-0', { ...taken, state: 'submitted' });
    emulator.addTask({ input: { ...BODY, prompt: 'A cat' }, created_at: Date.now() - 100_000 });
    const options = { ...KEY, whenAbsent: 'resubmit' } as const;
    await clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, options);
    expect(submits(emulator)).toBe(1);
    expect(await entryOf(journal)).toMatchObject({ state: 'submitted', attempt: 2 });
  });

  test('a process that died before the history begins: nothing is submitted', async () => {
    const emulator = await start();
    const at = (ms: number) => new Date(Date.now() - 7 * 24 * 3_600_000 + ms).toISOString();
    const journal = await journalWith(sending(emulator, { markedAt: at(0), sendBy: at(5000) }));
    const options = { ...KEY, whenAbsent: 'resubmit' } as const;
    await failure(
      clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, options),
      SubmissionUnknownError,
    );
    expect(submits(emulator)).toBe(0);
  });

  test('recovery takes the next task with the input if another key has the first', async () => {
    const emulator = await start();
    const journal = await journalWith(sending(emulator));
    const first = emulator.addTask({ input: BODY, created_at: Date.now() - 299_000 });
    const second = emulator.addTask({ input: BODY, created_at: Date.now() - 298_000 });
    await journal.put('order-0', { ...requestOf(emulator), state: 'submitted', predictionId: first.id });
    const { id } = await clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, KEY);
    expect(id).toBe(second.id);
  });

  test('recovery does not take a task of another key, and submits', async () => {
    const emulator = await start();
    const journal = await journalWith(sending(emulator));
    const other = emulator.addTask({ input: BODY, created_at: Date.now() - 299_000 });
    await journal.put('order-0', { ...requestOf(emulator), state: 'submitted', predictionId: other.id });
    const options = { ...KEY, whenAbsent: 'resubmit' } as const;
    const { id } = await clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, options);
    expect(id).not.toBe(other.id);
    expect(submits(emulator)).toBe(1);
  });

  test.each([-240_000, 240_000])(
    'recovery finds the task with a clock that is wrong by %i ms',
    async (skewMs) => {
      const emulator = await start();
      const at = (ms: number) => new Date(Date.now() + skewMs + ms).toISOString();
      const journal = await journalWith(sending(emulator, { markedAt: at(-600_000), sendBy: at(-595_000) }));
      const own = emulator.addTask({ input: BODY, created_at: Date.now() - 599_000 });
      const options = { ...KEY, whenAbsent: 'resubmit' } as const;
      const { id } = await clientOf(emulator, { journal }).submit(KLING_O3_STD, INPUT, options);
      expect(id).toBe(own.id);
    },
  );
});

describe('a journal that does not do what it should', () => {
  const working = memoryJournal();
  const broken: [string, Partial<Journal> | Record<string, unknown>, string][] = [
    ['get returns null', { get: async () => null }, '`get` returned no valid entry for "order-1"'],
    ['get returns no entry', { get: async () => ({ revision: 1 }) }, '(entry: '],
    [
      'get returns an unknown state',
      { get: async () => ({ entry: { ...sending(NOWHERE), state: 'sent' }, revision: 1 }) },
      '(entry.state: ',
    ],
    [
      'get returns a time that is none',
      { get: async () => ({ entry: sending(NOWHERE, { sendBy: 'soon' }), revision: 1 }) },
      '(entry.sendBy: not a time in ISO 8601)',
    ],
    [
      'get returns no digest',
      { get: async () => ({ entry: sending(NOWHERE, { digest: undefined }), revision: 1 }) },
      '(entry.digest: ',
    ],
    [
      'get returns no writer',
      { get: async () => ({ entry: sending(NOWHERE, { writer: undefined }), revision: 1 }) },
      '(entry.writer: ',
    ],
    ['get returns no revision', { get: async () => ({ entry: sending(NOWHERE) }) }, '(revision: '],
    [
      'get rejects',
      { get: () => Promise.reject(new Error('No database.')) },
      'failed for "order-1": No database.',
    ],
    [
      'get throws',
      {
        get: () => {
          throw new Error('no database');
        },
      },
      'failed for "order-1": no database',
    ],
    [
      'put returns nothing',
      { put: async () => undefined },
      '`put` returned undefined for "order-1"; expected',
    ],
    ['put returns true', { put: async () => true }, '`put` returned true'],
    ['put returns NaN', { put: async () => NaN }, '`put` returned null'],
    [
      'put rejects',
      { put: () => Promise.reject(new Error('disk full')) },
      '`put` failed for "order-1": disk full',
    ],
  ];

  test.each(broken)(
    'a broken journal is reported before anything is sent: %s',
    async (_, methods, message) => {
      const emulator = await start();
      const journal = { ...working, ...methods } as Journal;
      const error = await failure(
        clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY),
        JournalError,
      );
      expect(error.message).toContain(message);
      expect(error.message).not.toMatch(/\.\.$/);
      expect(emulator.requests).toEqual([]);
    },
  );

  test('a journal that forgets a key does not lead to a second POST', async () => {
    const emulator = await start();
    const journal: Journal = { get: async () => undefined, put: async () => 1 };
    emulator.fail(ANSWER_LOST);
    const running = clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY);
    // To call again would pay again.
    expect((await failure(running, SubmissionUnknownError)).retry).toBe('never');
    expect(submits(emulator)).toBe(1);
  });

  test('a journal that fails while the task is looked for leaves the key to the next call', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const failing: Journal = {
      ...journal,
      put: async (key, entry, revision) => {
        if (entry.state !== 'sending') throw new Error('disk full');
        return journal.put(key, entry, revision);
      },
    };
    emulator.fail(ANSWER_LOST);
    const error = await failure(
      clientOf(emulator, { journal: failing }).run(KLING_O3_STD, INPUT, KEY),
      SubmissionUnknownError,
    );
    expect(error.message).toContain('call again with this key');
    expect(error).toMatchObject({ idempotencyKey: KEY.idempotencyKey, retry: 'later' });
    expect((error.cause as Error).message).toContain('disk full');
    const video = await clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY);
    expect(emulator.account.tasks.map(({ id }) => id)).toEqual([video.id]);
  });

  test('a journal that fails after the POST does not hide the task', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const failing: Journal = {
      get: (key) => journal.get(key),
      put: (key, entry, revision) =>
        entry.state === 'sending'
          ? journal.put(key, entry, revision)
          : Promise.reject(new Error('disk full')),
    };
    const error = await failure(
      clientOf(emulator, { journal: failing }).run(KLING_O3_STD, INPUT, KEY),
      JournalError,
    );
    expect(error.predictionId).toBe(emulator.account.tasks[0]?.id);
    expect(error.message).toContain('disk full');
    // The entry is open; the task is found.
    const video = await clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY);
    expect(video.id).toBe(error.predictionId);
    expect(submits(emulator)).toBe(1);
  });
});

describe('resolve', () => {
  test('resolve rejects unknown keys and invalid arguments', async () => {
    const emulator = await start();
    const kling = clientOf(emulator);
    expect((await failure(kling.resolve('order-9', null), InvalidInputError)).message).toContain(
      'idempotencyKey "order-9": the journal has no such key',
    );
    await failure(kling.resolve('', null), ConfigurationError);
    await failure(kling.resolve(undefined as unknown as string, null), ConfigurationError);
    await failure(kling.resolve('order-9', '..'), InvalidInputError);
    await failure(kling.resolve('order-9', undefined as unknown as null), InvalidInputError);
  });

  test('resolve does not give a key another task, nor a task another key', async () => {
    const emulator = await start();
    const journal = await journalWith(sending(emulator));
    const kling = clientOf(emulator, { journal });
    const { id } = await kling.submit(KLING_O3_STD, INPUT, { idempotencyKey: 'order-0' });
    await kling.resolve('order-0', id);
    for (const [key, task] of [
      ['order-0', 'task-9'],
      ['order-0', null],
      ['order-1', id],
    ] as const) {
      const error = await failure(kling.resolve(key, task), IdempotencyConflictError);
      expect(error.message).toContain('nothing was changed');
    }
    expect(await entryOf(journal)).toMatchObject({ state: 'sending' });
  });

  test('resolve frees a key only when its POST can no longer begin', async () => {
    const emulator = await start();
    const sendBy = Date.now() + 60;
    const journal = await journalWith(sending(emulator, { sendBy: new Date(sendBy).toISOString() }));
    await clientOf(emulator, { journal }).resolve('order-1', null, { force: true });
    expect(Date.now()).toBeGreaterThanOrEqual(sendBy);
    expect(await entryOf(journal)).toMatchObject({ state: 'idle' });
  });
});

test.each(['', ' ', 'k'.repeat(256), 1, null])('rejects the key %j before anything is sent', async (key) => {
  const emulator = await start();
  const kling = clientOf(emulator);
  const options = { idempotencyKey: key as string };
  await failure(kling.run(KLING_O3_STD, INPUT, options), ConfigurationError);
  await failure(kling.submit(KLING_O3_STD, INPUT, options), ConfigurationError);
  expect(emulator.requests).toEqual([]);
});
