// Recovery: which tasks a lost submit is offered, and how its input is compared.
import { afterEach, expect, test, vi } from 'vitest';
import { KLING_O3_STD, SubmissionUnknownError } from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import {
  clientOn,
  deferred,
  envelope,
  failure,
  isPoll,
  isSubmit,
  rejection,
  type SeenRequest,
  task,
} from '../support/client.js';
import { BODY, INPUT } from '../support/keyed.js';
import { WaveSpeedKling } from 'wavespeed-kling';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const isList = ({ path }: SeenRequest) => path === '/api/v3/predictions';

/** A service that loses every submit, and lists these tasks. */
function losing(listed: object[], results: Record<string, object> = {}) {
  return clientOn((request) => {
    if (isSubmit(request)) return new Response('bad gateway', { status: 502 });
    if (isList(request)) return envelope({ page: 1, total: listed.length, items: listed });
    return envelope(results[request.path.split('/')[4] ?? ''] ?? task());
  });
}

test.each(['inputs', 'input'])(
  'compares what the list shows under `%s`, and asks it to show inputs',
  async (field) => {
    const other = { ...BODY, prompt: 'A hare' };
    const { kling, seen } = losing([
      task({ id: 'own', [field]: BODY }),
      task({ id: 'other', [field]: other }),
      task({ id: 'with-nulls', [field]: { prompt: INPUT.prompt, video: null, added_by_the_service: 1 } }),
    ]);
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    const candidates = await error.candidates();
    const marks = Object.fromEntries(candidates.map(({ id, exactMatch }) => [id, exactMatch]));
    expect(marks).toEqual({ own: true, other: false, 'with-nulls': true });
    expect(seen.filter(isList)).toHaveLength(1);
    expect(seen.find(isList)?.body).toMatchObject({ model: KLING_O3_STD, include_inputs: true });
    expect(seen.filter(isPoll)).toEqual([]);
  },
);

test('looks a task up at its result URL where the list shows no input, and leaves the match open where that has none', async () => {
  const { kling, seen } = losing([task({ id: 'own' }), task({ id: 'blind' })], {
    own: task({ id: 'own', input: BODY }),
    blind: task({ id: 'blind' }),
  });
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  const candidates = await error.candidates();
  const marks = Object.fromEntries(candidates.map(({ id, exactMatch }) => [id, exactMatch]));
  expect(marks).toEqual({ own: true, blind: undefined });
  expect(new Set(seen.filter(isPoll).map(({ path }) => path.split('/')[4]))).toEqual(
    new Set(['blind', 'own']),
  );
  expect(seen.filter(isPoll)).toHaveLength(2);
});

test.each(['inputs', 'input', 'never'] as const)(
  'takes no other machine’s task where the list shows inputs: %s',
  async (listInputs) => {
    const emulator = await startEmulator({ listInputs, returnInput: listInputs !== 'never' });
    const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: false });
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    emulator.addTask({ model: KLING_O3_STD, input: { prompt: 'Another machine’s' } });
    const candidates = await error.candidates();
    expect(candidates.map(({ exactMatch }) => exactMatch)).toEqual([
      listInputs === 'never' ? undefined : false,
    ]);
    await kling.close();
    await emulator.close();
  },
);

test.each([1000, 1300, 2400, 3_600_000, -3_600_000])(
  'finds the lost task with this machine’s clock %i ms ahead',
  async (aheadMs) => {
    const serverNow = () => new Date(Date.now() - aheadMs);
    const items: object[] = [];
    const { kling } = clientOn((request) => {
      const headers = { date: serverNow().toUTCString() };
      if (isSubmit(request)) {
        items.push(task({ id: 'lost', created_at: serverNow().toISOString(), inputs: request.body }));
        throw new TypeError('fetch failed');
      }
      const { created_after } = request.body as Record<string, string>;
      const visible = items.filter((item) => {
        const { created_at } = item as { created_at: string };
        return Date.parse(created_at) > Date.parse(created_after ?? '');
      });
      return envelope({ page: 1, total: visible.length, items: visible }, 200, 'success', headers);
    });
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    expect(await error.candidates()).toMatchObject([{ id: 'lost', exactMatch: true }]);
  },
);

test('finds the lost task after this machine’s clock was set back an hour', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const now = Date.now();
  const { kling } = clientOn((request) => {
    const headers = { date: new Date(now).toUTCString() };
    if (isSubmit(request)) throw new TypeError('fetch failed');
    const items = [task({ id: 'lost', created_at: new Date(now).toISOString(), inputs: BODY })];
    return envelope({ page: 1, total: 1, items }, 200, 'success', headers);
  });
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  vi.setSystemTime(now - 3_600_000);
  expect(await error.candidates()).toMatchObject([{ id: 'lost', exactMatch: true }]);
});

test('stops at the end of its window, however long the history', async () => {
  let served = 0;
  const { kling, seen } = clientOn((request) => {
    if (isSubmit(request)) return new Response('bad gateway', { status: 502 });
    const items = Array.from({ length: 100 }, () => {
      served++;
      const created_at = new Date(Date.now() - served * 1000).toISOString();
      return task({ id: `task-${served}`, created_at, inputs: { prompt: 'other' } });
    });
    return envelope({ page: 1, items });
  });
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  await error.candidates();
  expect(seen.filter(isList).length).toBeLessThanOrEqual(4);
});

test('candidates() takes a signal and a time limit', async () => {
  const { kling } = clientOn((request) =>
    isSubmit(request) ? new Response('bad gateway', { status: 502 }) : new Promise<Response>(() => undefined),
  );
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  const controller = new AbortController();
  const searching = rejection(error.candidates({ signal: controller.signal }));
  controller.abort('enough');
  expect(await searching).toBe('enough');
  expect(await rejection(error.candidates({ timeoutMs: 20 }))).toMatchObject({ name: 'RequestTimeoutError' });
});

test('candidates() works after close()', async () => {
  const emulator = await startEmulator();
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
  emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true });
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  await kling.close();
  expect(await error.candidates()).toMatchObject([{ id: emulator.account.tasks[0]?.id, exactMatch: true }]);
  await emulator.close();
});

test('three lost submits with equal inputs are each offered one task of their own', async () => {
  const emulator = await startEmulator();
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.url });
  emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true, times: 3 });
  const recover = async () => {
    const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
    const matches = (await error.candidates()).filter(({ exactMatch }) => exactMatch === true);
    expect(matches).toHaveLength(1);
    return matches[0]?.id;
  };
  const recovered = await Promise.all([recover(), recover(), recover()]);
  expect(new Set(recovered)).toEqual(new Set(emulator.account.tasks.map(({ id }) => id)));
  expect(recovered).toHaveLength(3);
  expect(emulator.requestCount({ operation: 'submit' })).toBe(3);
  await kling.close();
  await emulator.close();
});

test('a task that another call may still be submitting is not offered', async () => {
  const held = deferred<Response>();
  const listed: object[] = [];
  const { kling } = clientOn((request) => {
    if (isSubmit(request)) {
      const id = `task-${listed.length}`;
      listed.push(task({ id, inputs: request.body }));
      return listed.length === 1 ? held.promise : new Response('bad gateway', { status: 502 });
    }
    return envelope({ page: 1, total: listed.length, items: listed });
  });
  const slow = kling.submit(KLING_O3_STD, INPUT);
  await vi.waitUntil(() => listed.length === 1);
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  expect(await error.candidates()).toEqual([]);
  held.resolve(envelope(task({ id: 'task-0' })));
  await slow;
  expect((await error.candidates()).map(({ id }) => id)).toEqual(['task-1']);
});

test('a task that a call already waits for is not offered', async () => {
  const { kling } = losing([task({ id: 'waited-for', inputs: BODY })]);
  const error = await failure(kling.submit(KLING_O3_STD, INPUT), SubmissionUnknownError);
  const controller = new AbortController();
  const waiting = rejection(kling.wait('waited-for', { signal: controller.signal }));
  expect(await error.candidates()).toEqual([]);
  controller.abort();
  await waiting;
});
