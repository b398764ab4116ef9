// That a submit was not accepted is proven, or it is not said: clocks, histories and journals that do not tell the whole truth.
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  IdempotencyConflictError,
  InvalidInputError,
  type Journal,
  type JournalEntry,
  JournalError,
  KLING_O3_STD,
  memoryJournal,
  SubmissionUnknownError,
} from 'wavespeed-kling';
import { onCleanup } from '../../support/cleanup.js';
import { clientOn, deferred, envelope, failure, rejection } from '../../support/client.js';
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
  start,
  submits,
} from '../../support/keyed.js';

const RESUBMIT = { ...KEY, whenAbsent: 'resubmit' } as const;
type SendingEntry = Extract<JournalEntry, { state: 'sending' }>;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the time of a mark', () => {
  test('is the time of the service where that was heard, whatever the clock of the machine says', async () => {
    const emulator = await start();
    const now = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => now() - 600_000);
    const journal = memoryJournal();
    const kling = clientOf(emulator, { journal });
    await kling.balance();
    const marks: JournalEntry[] = [];
    vi.spyOn(journal, 'put').mockImplementation(async (_, entry) => {
      marks.push(entry);
      throw new Error('no space left');
    });
    await failure(kling.submit(KLING_O3_STD, INPUT, KEY), JournalError);
    expect(marks).toMatchObject([{ state: 'sending', markedAt: expect.any(String) }]);
    expect(marks[0]).not.toHaveProperty('clock');
    const { markedAt } = marks[0] as { markedAt: string };
    expect(Math.abs(Date.parse(markedAt) - now())).toBeLessThan(60_000);
  });

  test('is said to be that of the machine before the first answer, and after the clock was set', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const put = vi.spyOn(journal, 'put').mockRejectedValue(new Error('no space left'));
    const kling = clientOf(emulator, { journal });
    await failure(kling.submit(KLING_O3_STD, INPUT, KEY), JournalError);
    await kling.balance();
    await failure(kling.submit(KLING_O3_STD, INPUT, KEY), JournalError);
    const now = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => now() - 600_000);
    await failure(kling.submit(KLING_O3_STD, INPUT, KEY), JournalError);
    expect(put.mock.calls.map(([, entry]) => (entry as { clock?: string }).clock)).toEqual([
      'local',
      undefined,
      'local',
    ]);
  });

  test.each([-3_600_000, -600_000, 600_000])(
    'is not trusted if it is that of the machine: a task is found out %i ms away, and nothing is submitted',
    async (offMs) => {
      const emulator = await start();
      const journal = await journalWith(markOf(emulator, -offMs, { clock: 'local' }));
      emulator.addTask({ input: BODY, created_at: Date.now() - 1000 });
      const kling = clientOf(emulator, { journal, ...BRIEF });
      const error = await failure(kling.submit(KLING_O3_STD, INPUT, RESUBMIT), SubmissionUnknownError);
      expect(error.message).toContain('if exactly one task has exactMatch === true');
      expect(submits(emulator)).toBe(0);
    },
  );

  test('is that of the machine if every answer was read long after it was sent, as after a freeze', async () => {
    vi.useFakeTimers();
    const journal = memoryJournal();
    const put = vi.spyOn(journal, 'put').mockRejectedValue(new Error('no space left'));
    let heldMs = 30_000;
    const { kling } = clientOn(
      async () => {
        const headers = { date: new Date().toUTCString() };
        await new Promise((resolve) => setTimeout(resolve, heldMs));
        return envelope({ balance: 1 }, 200, 'success', headers);
      },
      { journal, apiKey: 'test-key' },
    );
    const submitAfterBalance = async () => {
      const asking = kling.balance();
      await vi.advanceTimersByTimeAsync(heldMs);
      await asking;
      await failure(kling.submit(KLING_O3_STD, INPUT, KEY), JournalError);
      const [, entry] = put.mock.calls.at(-1) as unknown as [string, SendingEntry];
      const { clock, markedAt } = entry;
      return { clock, offMs: Math.abs(Date.parse(markedAt) - Date.now()) };
    };
    expect(await submitAfterBalance()).toEqual({ clock: 'local', offMs: 0 });
    heldMs = 10;
    expect((await submitAfterBalance()).clock).toBeUndefined();
    // What was learned before remains.
    heldMs = 30_000;
    const { clock, offMs } = await submitAfterBalance();
    expect(clock).toBeUndefined();
    expect(offMs).toBeLessThan(2000);
  });

  test('does not hide a task if the clock was set while the answer was lost', async () => {
    const emulator = await start();
    let aheadMs = 600_000;
    const now = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
    const matching = () => {
      aheadMs = 0;
      return true;
    };
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true, matching });
    const { id } = await clientOf(emulator, BRIEF).submit(KLING_O3_STD, INPUT, RESUBMIT);
    expect(emulator.account.tasks.map((task) => task.id)).toEqual([id]);
    expect(submits(emulator)).toBe(1);
  });

  test('is waited for by the clock of the caller if it is that of the machine', async () => {
    // The history does not show the task yet, and by the clock of the mark it would have to.
    const emulator = await start({ listLagMs: 300 });
    const journal = await journalWith(markOf(emulator, 600_000, { clock: 'local' }));
    emulator.addTask({ input: BODY, created_at: Date.now() });
    const kling = clientOf(emulator, { journal, ...BRIEF });
    await failure(kling.submit(KLING_O3_STD, INPUT, RESUBMIT), SubmissionUnknownError);
    expect(submits(emulator)).toBe(0);
  });
});

describe('a history that shows an input otherwise than it was sent', () => {
  test.each([
    ['a trimmed prompt', { ...BODY, prompt: 'A fox' }],
    ['another Unicode form', { ...BODY, prompt: INPUT.prompt.normalize('NFD') }],
    ['its own copy of an image', { ...BODY, images: ['https://cdn.service.example/copy.png'] }],
    ['no input', undefined],
  ])('proves nothing: %s', async (_, input) => {
    const emulator = await start({ returnInput: input !== undefined });
    const journal = await journalWith(markOf(emulator, 300_000));
    emulator.addTask({ ...(input && { input }), created_at: Date.now() - 299_800 });
    const kling = clientOf(emulator, { journal, ...BRIEF });
    await failure(kling.submit(KLING_O3_STD, INPUT, RESUBMIT), SubmissionUnknownError);
    expect(submits(emulator)).toBe(0);
  });

  test.each([
    ['of a key of this journal', 'submitted'],
    ['equal to what another key was interrupted with', 'sending'],
  ] as const)('does not matter for a task %s', async (_, state) => {
    const emulator = await start();
    const journal = await journalWith(markOf(emulator, 300_000));
    const owl = { ...BODY, prompt: 'An owl' };
    const { id } = emulator.addTask({ input: owl, created_at: Date.now() - 299_800 });
    const other =
      state === 'sending'
        ? markOf(emulator, 300_000, { digest: digestOf(owl) })
        : ({ ...markOf(emulator, 0), state, predictionId: id } as JournalEntry);
    await journal.put('order-2', other);
    const kling = clientOf(emulator, { journal, ...BRIEF });
    await kling.submit(KLING_O3_STD, INPUT, RESUBMIT);
    expect(submits(emulator)).toBe(1);
  });
});

describe('a journal that repeats a put', () => {
  /** Applies each write of the state and loses the answer. */
  function losing(state: JournalEntry['state'], answer: () => Promise<number | 'stale'>): Journal {
    const journal = memoryJournal();
    return {
      ...journal,
      put: async (key, entry, revision) => {
        const put = await journal.put(key, entry, revision);
        return entry.state === state && typeof put === 'number' ? answer() : put;
      },
    };
  }

  test.each(['sending', 'submitted', 'ended'] as const)(
    'meets its own entry, and goes on: %s',
    async (state) => {
      const emulator = await start();
      const kling = clientOf(emulator, { journal: losing(state, async () => 'stale') });
      const { id } = await kling.run(KLING_O3_STD, INPUT, KEY);
      expect(emulator.account.tasks.map((task) => task.id)).toEqual([id]);
    },
  );

  test('and fails all the same leaves the key to the next call: nothing was sent', async () => {
    const emulator = await start();
    let isBroken = true;
    const journal = memoryJournal();
    const kling = clientOf(emulator, {
      journal: {
        ...journal,
        put: async (key, entry, revision) => {
          const put = await journal.put(key, entry, revision);
          if (isBroken) throw new Error('connection lost');
          return put;
        },
      },
    });
    await failure(kling.submit(KLING_O3_STD, INPUT, KEY), JournalError);
    expect(await entryOf(journal)).toMatchObject({ state: 'sending' });
    isBroken = false;
    await kling.submit(KLING_O3_STD, INPUT, KEY);
    expect(submits(emulator)).toBe(1);
  });
});

describe('a key', () => {
  test('has no entry with the body of its request or the echoed input, from its mark to its end', async () => {
    const emulator = await start();
    const journal = memoryJournal();
    const put = vi.spyOn(journal, 'put');
    const video = await clientOf(emulator, { journal }).run(KLING_O3_STD, INPUT, KEY);
    expect(video.input).toMatchObject(INPUT);
    expect(put.mock.calls.map(([, { state }]) => state)).toEqual(['sending', 'submitted', 'ended']);
    expect(JSON.stringify(put.mock.calls)).not.toContain(INPUT.prompt);
  });

  test('is not answered with the task of another service', async () => {
    const [one, other] = [await start(), await start()];
    const journal = memoryJournal();
    await clientOf(one, { journal }).run(KLING_O3_STD, INPUT, KEY);
    const kling = clientOf(other, { journal });
    const error = await failure(kling.run(KLING_O3_STD, INPUT, KEY), IdempotencyConflictError);
    expect(error.message).toContain(`was used before with another service (${one.url}); nothing was sent`);
    expect(other.requests).toEqual([]);
  });

  test('of an entry without the service gets its task, and is compared by its fingerprint', async () => {
    const emulator = await start();
    const { origin: _, ...request } = requestOf(emulator);
    const { id } = emulator.addTask({ input: BODY });
    const journal = await journalWith({ ...request, state: 'submitted', predictionId: id });
    const kling = clientOf(emulator, { journal });
    const error = await failure(
      kling.submit(KLING_O3_STD, { prompt: 'An owl' }, KEY),
      IdempotencyConflictError,
    );
    expect(error.message).toContain('was used before with another input; nothing was sent');
    expect((await kling.submit(KLING_O3_STD, INPUT, KEY)).id).toBe(id);
    expect(submits(emulator)).toBe(0);
  });

  test('with a file that is too large is rejected before the file is read', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'journal-'));
    onCleanup(() => rm(directory, { recursive: true }));
    const path = join(directory, 'huge.png');
    await writeFile(path, Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex'));
    // Sparse: to read it would take longer than the test may.
    await truncate(path, 200 * 1024 ** 3);
    const emulator = await start();
    const input = { ...INPUT, images: [pathToFileURL(path)] };
    const error = await failure(clientOf(emulator).run(KLING_O3_STD, input, KEY), InvalidInputError);
    expect(error.message).toContain('images[0]: "huge.png"');
    expect(emulator.requests).toEqual([]);
  });
});

describe('a key with a file that is slow to read', () => {
  const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex');

  /** An image of ten parts; each read of one but the first waits for `go`. */
  function slowImage() {
    let reads = 0;
    const first = deferred<void>();
    const waiting: (() => void)[] = [];
    const blob = new Blob([PNG, new Uint8Array(10 * 128 * 1024)], { type: 'image/png' });
    const slice = blob.slice.bind(blob);
    blob.slice = (from = 0, to) => {
      const part = slice(from, to);
      if (from < 128 * 1024) return part;
      reads++;
      const read = part.arrayBuffer.bind(part);
      part.arrayBuffer = async () => {
        first.resolve();
        await new Promise<void>((resolve) => waiting.push(resolve));
        return read();
      };
      return part;
    };
    const go = () => {
      for (const resolve of waiting.splice(0)) resolve();
    };
    return { blob, reads: () => reads, first: first.promise, go };
  }

  test.each(['its deadline', 'an abort'])(
    'ends at %s, and reads no further; nothing is sent',
    async (how) => {
      const emulator = await start();
      const { blob, reads, first, go } = slowImage();
      vi.useFakeTimers();
      const controller = new AbortController();
      const running = clientOf(emulator).run(
        KLING_O3_STD,
        { ...INPUT, images: [blob] },
        how === 'an abort' ? { ...KEY, signal: controller.signal } : { ...KEY, timeoutMs: 50_000 },
      );
      const ended = rejection(running);
      await first;
      if (how === 'an abort') controller.abort('left');
      else await vi.advanceTimersByTimeAsync(50_000);
      const expected = how === 'an abort' ? 'left' : expect.objectContaining({ name: 'RequestTimeoutError' });
      expect(await ended).toEqual(expected);
      go();
      vi.useRealTimers();
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(reads()).toBe(1);
      expect(emulator.requests).toEqual([]);
    },
  );
});

describe('the error of an open key', () => {
  test('says until when it is not decided, and to call again after that', async () => {
    const emulator = await start();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: false });
    const kling = clientOf(emulator, { requestTimeoutMs: 30_000 });
    const running = kling.run(KLING_O3_STD, INPUT, { ...KEY, timeoutMs: 1500 });
    const error = await failure(running, SubmissionUnknownError);
    expect(error.certainAt.getTime()).toBeGreaterThan(Date.now());
    expect(error.message).toContain(`call again with this key after ${error.certainAt.toISOString()}`);
    expect(error.message).not.toContain('resolve');
    expect(error.retry).toBe('later');
  });

  test('says so too when timeoutMs ends in the middle of a look at the history', async () => {
    const emulator = await start();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: false });
    emulator.fail({ on: 'list', kind: 'hang', when: 'headers', times: Infinity });
    const kling = clientOf(emulator, { requestTimeoutMs: 30_000 });
    const running = kling.run(KLING_O3_STD, INPUT, { ...KEY, timeoutMs: 1500 });
    const error = await failure(running, SubmissionUnknownError);
    expect(error.message).toContain(`call again with this key after ${error.certainAt.toISOString()}`);
    expect(error.retry).toBe('later');
  });

  test('says to call again where the history could not be read, and that call decides', async () => {
    const emulator = await start();
    emulator.fail({ on: 'list', kind: 'status', status: 418, body: '<html>no</html>' });
    const kling = clientOf(emulator, { journal: await journalWith(markOf(emulator, 300_000)), ...BRIEF });
    const error = await failure(kling.run(KLING_O3_STD, INPUT, RESUBMIT), SubmissionUnknownError);
    expect(error.message).toContain('call again with this key');
    expect(error).toMatchObject({ retry: 'later', cause: { status: 418 } });
    expect(submits(emulator)).toBe(0);
    await kling.run(KLING_O3_STD, INPUT, RESUBMIT);
    expect(submits(emulator)).toBe(1);
  });

  type Item = Record<string, unknown>;
  type Page = { items: Item[]; total: number };

  test.each<[string, (page: Page) => unknown]>([
    [
      'an item without an id',
      ({ items }) => ({ items: items.map((item) => ({ ...item, id: undefined })), total: 1 }),
    ],
    [
      'an item with an empty id',
      ({ items }) => ({ items: items.map((item) => ({ ...item, id: '' })), total: 1 }),
    ],
    ['an item that is null', () => ({ items: [null], total: 1 })],
    ['an item that is an id alone', ({ items }) => ({ items: items.map(({ id }) => id), total: 1 })],
    ['no item, and counts one', () => ({ items: [], total: 1 })],
    ['no item, and says that there are more', () => ({ items: [], has_more: true })],
  ])(
    'a history that has %s does not prove that there is no task: nothing is submitted, and a later call finds it',
    async (_, patch) => {
      const emulator = await start();
      const created_at = new Date(Date.now() - 299_000).toISOString();
      const task = emulator.addTask({ input: BODY, status: 'completed', created_at });
      emulator.fail({ on: 'list', kind: 'data', patch: (page) => patch(page as Page), times: 1 });
      const kling = clientOf(emulator, { journal: await journalWith(markOf(emulator, 300_000)), ...BRIEF });
      const error = await failure(kling.run(KLING_O3_STD, INPUT, RESUBMIT), SubmissionUnknownError);
      expect(error).toMatchObject({ retry: 'later', cause: { name: 'InvalidResponseError' } });
      expect(error.message).not.toContain('kling.resolve');
      expect((await kling.run(KLING_O3_STD, INPUT, RESUBMIT)).id).toBe(task.id);
      expect(submits(emulator)).toBe(0);
    },
  );

  test.each(['KWAIVGI/Kling-Video-O3-Std/reference-to-video', 'kling-video-o3-std/reference-to-video'])(
    'finds a task whose model the history writes as %s',
    async (model) => {
      const emulator = await start();
      const created_at = new Date(Date.now() - 299_000).toISOString();
      const task = emulator.addTask({ input: BODY, status: 'completed', created_at });
      const patch = (page: unknown) => {
        const { items, ...rest } = page as Page;
        return { ...rest, items: items.map((item) => ({ ...item, model })) };
      };
      emulator.fail({ on: 'list', kind: 'data', patch, times: Infinity });
      const kling = clientOf(emulator, { journal: await journalWith(markOf(emulator, 300_000)), ...BRIEF });
      expect((await kling.run(KLING_O3_STD, INPUT, RESUBMIT)).id).toBe(task.id);
      expect(submits(emulator)).toBe(0);
    },
  );

  test('says that the history shows no task once that is certain', async () => {
    const emulator = await start();
    const kling = clientOf(emulator, { journal: await journalWith(markOf(emulator, 300_000)), ...BRIEF });
    const error = await failure(kling.run(KLING_O3_STD, INPUT, KEY), SubmissionUnknownError);
    expect(error.certainAt.getTime()).toBeLessThan(Date.now());
    expect(error.message).toContain(
      'The history shows no such task: free the key with kling.resolve("order-1", null)',
    );
    expect(error.retry).toBe('never');
  });
});
