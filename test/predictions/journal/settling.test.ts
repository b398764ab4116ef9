// Settling a key: by hand with `resolve`, by webhook with `settle`; and what `lookup` tells of it.
import { describe, expect, test } from 'vitest';
import {
  ConfigurationError,
  IdempotencyConflictError,
  InvalidInputError,
  type Journal,
  KLING_O1,
  KLING_O3_STD,
  memoryJournal,
  NotFoundError,
  PredictionFailedError,
} from 'wavespeed-kling';
import type { Emulator } from 'wavespeed-kling/testing';
import { failure } from '../../support/client.js';
import { BODY, clientOf, INPUT, journalWith, KEY as KEYED, markOf, start } from '../../support/keyed.js';

const KEY = KEYED.idempotencyKey;

/** A journal in which the key was marked so long ago. */
const journalMarked = (emulator: Emulator, agoMs: number) => journalWith(markOf(emulator, agoMs));
const stateOf = async (journal: Journal) => (await journal.get(KEY))?.entry.state;

describe('resolve', () => {
  test('frees no key before it is certain that there is no task, unless it is forced', async () => {
    const emulator = await start();
    const journal = await journalMarked(emulator, 10_000);
    const kling = clientOf(emulator, { journal });
    const error = await failure(kling.resolve(KEY, null), IdempotencyConflictError);
    expect(error.message).toMatch(/not certain before 20.*Call again with this key after that/);
    expect(await stateOf(journal)).toBe('sending');
    await kling.resolve(KEY, null, { force: true });
    expect(await stateOf(journal)).toBe('idle');
  });

  test('frees a key once that is certain', async () => {
    const emulator = await start();
    const journal = await journalMarked(emulator, 200_000);
    await clientOf(emulator, { journal }).resolve(KEY, null);
    expect(await stateOf(journal)).toBe('idle');
  });

  test.each([
    ['another input', { input: { ...BODY, prompt: 'An owl' } }, 'shows another input than was submitted'],
    ['another model', { model: KLING_O1, input: BODY }, 'shows another model than was submitted'],
  ])('takes no task with %s, unless it is forced', async (_, task, message) => {
    const emulator = await start();
    const journal = await journalMarked(emulator, 10_000);
    const kling = clientOf(emulator, { journal });
    const { id } = emulator.addTask(task);
    const error = await failure(kling.resolve(KEY, id), IdempotencyConflictError);
    expect(error.message).toContain(message);
    expect(await stateOf(journal)).toBe('sending');
    await kling.resolve(KEY, id, { force: true });
    expect(await stateOf(journal)).toBe('submitted');
  });

  test.each([
    ['with the same input', {}, BODY],
    ['whose defaults are left out', {}, INPUT],
    ['that shows no input', { returnInput: false }, BODY],
  ])('takes a task %s', async (_, options, input) => {
    const emulator = await start(options);
    const journal = await journalMarked(emulator, 10_000);
    await clientOf(emulator, { journal }).resolve(KEY, emulator.addTask({ input }).id);
    expect(await stateOf(journal)).toBe('submitted');
  });

  test('reports what was written, also if the call is aborted as the journal writes', async () => {
    const emulator = await start();
    const journal = await journalMarked(emulator, 200_000);
    const controller = new AbortController();
    const put: Journal['put'] = (...entry) => {
      controller.abort(new Error('left'));
      return journal.put(...entry);
    };
    const kling = clientOf(emulator, { journal: { ...journal, put } });
    await kling.resolve(KEY, null, { signal: controller.signal });
    expect(await stateOf(journal)).toBe('idle');
  });

  test('takes no task that there is not, and rejects options it does not know', async () => {
    const emulator = await start();
    const journal = await journalMarked(emulator, 10_000);
    const kling = clientOf(emulator, { journal });
    await failure(kling.resolve(KEY, 'a-typo'), NotFoundError);
    expect(await stateOf(journal)).toBe('sending');
    await failure(kling.resolve(KEY, null, { force: 1 as unknown as boolean }), ConfigurationError);
    await failure(kling.resolve(KEY, null, { forced: true } as object), ConfigurationError);
  });
});

describe('lookup', () => {
  test('tells what the journal knows of a key, without a request', async () => {
    const emulator = await start({ processingMs: 1e9 });
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal });
    expect(await kling.lookup(KEY)).toBeUndefined();
    const { id } = await kling.submit(KLING_O3_STD, INPUT, { idempotencyKey: KEY });
    const requests = emulator.requests.length;
    const other = clientOf(emulator, { journal });
    expect(await other.lookup(KEY)).toEqual({ state: 'submitted', predictionId: id });
    await other.settle({ ...(await journal.get(KEY)), ...ended(id) } as never);
    expect(await other.lookup(KEY)).toMatchObject({ state: 'ended', predictionId: id, prediction: { id } });
    expect(emulator.requests).toHaveLength(requests);
    await failure(other.lookup(''), ConfigurationError);
  });

  test('tells of a key whose submit was interrupted', async () => {
    const emulator = await start();
    const kling = clientOf(emulator, { journal: await journalMarked(emulator, 0) });
    expect(await kling.lookup(KEY)).toEqual({ state: 'sending' });
  });
});

const ended = (id: string, fields: object = {}) => ({
  id,
  model: KLING_O3_STD,
  status: 'completed',
  outputs: ['https://cdn.example/video.mp4'],
  urls: {},
  has_nsfw_contents: [],
  created_at: '2026-11-28T12:00:00Z',
  error: '',
  timings: {},
  input: BODY,
  ...fields,
});

describe('settle', () => {
  test('stores the end of a task under its key, without its input, and returns the key', async () => {
    const emulator = await start({ processingMs: 1e9 });
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal });
    const { id } = await kling.submit(KLING_O3_STD, INPUT, { idempotencyKey: KEY });
    expect(await kling.settle(ended(id, { status: 'processing' }))).toBeUndefined();
    expect(await stateOf(journal)).toBe('submitted');
    expect(await kling.settle(ended(id))).toBe(KEY);
    expect(await kling.settle(ended(id))).toBe(KEY);
    const { input: _, ...prediction } = ended(id);
    expect((await journal.get(KEY))?.entry).toMatchObject({ state: 'ended', prediction, cost: 0.42 });
    expect(JSON.stringify((await journal.get(KEY))?.entry)).not.toContain(INPUT.prompt);
    expect(await kling.run(KLING_O3_STD, INPUT, { idempotencyKey: KEY })).toEqual(prediction);
  });

  test('knows no task without a key, and takes no other value for a task', async () => {
    const kling = clientOf(await start());
    expect(await kling.settle(ended('of-somebody-else'))).toBeUndefined();
    await failure(kling.settle({} as never), InvalidInputError);
  });

  test('needs a journal that finds the key of a task', async () => {
    const { get, put } = memoryJournal();
    const kling = clientOf(await start(), { journal: { get, put } });
    const error = await failure(kling.settle(ended('t')), ConfigurationError);
    expect(error.message).toContain('`find`');
  });

  test('ends a run that waits in another process, before its next poll', async () => {
    const emulator = await start({ processingMs: 1e9 });
    const journal = memoryJournal();
    const waiting = clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, {
      idempotencyKey: KEY,
      pollIntervalMs: 600_000,
      onSubmitted: async ({ id }) => {
        expect(await clientOf(emulator, { journal }).settle(ended(id))).toBe(KEY);
      },
    });
    expect((await waiting).outputs).toEqual(['https://cdn.example/video.mp4']);
  });

  test('ends a run whose task has failed with its error', async () => {
    const emulator = await start({ processingMs: 1e9 });
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal });
    const waiting = kling.run(KLING_O3_STD, INPUT, {
      idempotencyKey: KEY,
      onSubmitted: async ({ id }) => {
        await kling.settle(ended(id, { status: 'failed', outputs: [], error: 'moderated' }));
      },
    });
    expect((await failure(waiting, PredictionFailedError)).message).toContain('moderated');
  });
});
