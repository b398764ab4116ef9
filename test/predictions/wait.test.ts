import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  AuthenticationError,
  ConfigurationError,
  KLING_O3_STD,
  NotFoundError,
  type Prediction,
  PredictionFailedError,
  WaitAbortedError,
  WaitTimeoutError,
  WaveSpeedError,
} from 'wavespeed-kling';
import {
  clientOn,
  deferred,
  done,
  envelope,
  failure,
  isPoll,
  isSubmit,
  rejection,
  task,
} from '../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Answers the polls one after the other; the last answer stays. */
function inTurn(...answers: (Record<string, unknown> | Response | Error)[]) {
  let polls = 0;
  return clientOn((request) => {
    if (isSubmit(request)) return envelope(task());
    const answer = answers[Math.min(polls++, answers.length - 1)];
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer.clone() : envelope(answer);
  });
}

describe('run', () => {
  test('run polls at the interval, reports every change once and the last always, and stops', async () => {
    const { kling, seen } = inTurn(
      task(),
      task({ status: 'processing' }),
      task({ status: 'processing' }),
      done(),
    );
    const start = Date.now();
    const updates: [string, number][] = [];
    const running = kling.run(KLING_O3_STD, INPUT, {
      pollIntervalMs: 500,
      onUpdate: ({ status }) => void updates.push([status, Date.now() - start]),
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await running).outputs).toEqual(['https://cdn.example/video.mp4']);
    expect(seen.map(({ at }) => at - start)).toEqual([0, 500, 1000, 1500, 2000]);
    expect(updates).toEqual([
      ['created', 0],
      ['processing', 1000],
      ['completed', 2000],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('run does not poll for a task that has ended in the response to its submit', async () => {
    const { kling, seen } = clientOn(() => envelope(done()));
    expect((await kling.run(KLING_O3_STD, INPUT)).status).toBe('completed');
    expect(seen).toHaveLength(1);
  });

  test('run polls once a second by default, however long the task takes', async () => {
    const { kling, seen } = inTurn(task());
    const start = Date.now();
    const failed = failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 90_500 }), WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(90_500);
    await failed;
    const polls = seen.filter(isPoll).map(({ at }) => at - start);
    expect(polls).toEqual(Array.from({ length: 90 }, (_, index) => (index + 1) * 1000));
    expect(seen.filter((request) => !isPoll(request) && !isSubmit(request))).toEqual([]);
  });

  test('run polls at urls.get where that is on the API’s own origin, and nowhere else', async () => {
    const own = 'https://api.wavespeed.ai/api/v3/predictions/task-1?token=1';
    const paths: string[] = [];
    for (const get of [own, 'https://elsewhere.example/api/v3/predictions/task-1', 'not a url']) {
      const { kling, seen } = clientOn((request) =>
        envelope(isSubmit(request) ? task({ urls: { get } }) : done({ urls: { get } })),
      );
      const running = kling.run(KLING_O3_STD, INPUT);
      await vi.advanceTimersByTimeAsync(1000);
      await running;
      paths.push(...seen.slice(1).map(({ path, search }) => path + search));
    }
    const documented = '/api/v3/predictions/task-1/result';
    expect(paths).toEqual(['/api/v3/predictions/task-1?token=1', documented, documented]);
  });

  test('run uses the client’s timeoutMs and pollIntervalMs, which a call overrides', async () => {
    const { kling, seen } = inTurn(task());
    const client = clientOn(() => envelope(task()), { timeoutMs: 1000, pollIntervalMs: 400 });
    const failed = failure(client.kling.wait('task-1'), WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(1000);
    expect((await failed).elapsedMs).toBe(1000);
    expect(client.seen).toHaveLength(3);
    const longer = failure(
      client.kling.wait('task-1', { timeoutMs: 2000, pollIntervalMs: 1500 }),
      WaitTimeoutError,
    );
    await vi.advanceTimersByTimeAsync(2000);
    await longer;
    expect(client.seen).toHaveLength(5);
    expect(seen).toEqual([]);
    await kling.close();
  });

  test('a poll interval past the deadline leaves time for a last poll before it', async () => {
    const { kling, seen } = inTurn(task(), envelope(null, 503), done());
    const start = Date.now();
    const waiting = kling.wait('task-1', { timeoutMs: 20_000, pollIntervalMs: 15_000 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await waiting).status).toBe('completed');
    expect(seen.map(({ at }) => at - start)).toEqual([0, 15_000, 19_000]);
  });
});

describe('wait', () => {
  test('wait needs the id alone, polls at once, and encodes the id into the path', async () => {
    const { kling, seen } = inTurn(done({ id: 'a/b?c' }));
    await kling.wait('a/b?c');
    expect(seen.map(({ path }) => path)).toEqual(['/api/v3/predictions/a%2Fb%3Fc/result']);
  });

  test.each(['failed', 'cancelled', 'timeout', 'deleted'])('wait ends on the status %s', async (status) => {
    const { kling, seen } = inTurn(task({ status, error: 'content refused' }));
    const error = await failure(kling.wait('task-1'), PredictionFailedError);
    expect(error).toMatchObject({ predictionId: 'task-1', prediction: { status, error: 'content refused' } });
    expect(error.message).toContain('content refused');
    expect(seen).toHaveLength(1);
  });

  test.each([[[]], [null], [undefined], ['']])(
    'a completed task with %j for outputs has failed',
    async (outputs) => {
      const { kling } = inTurn(done({ outputs }));
      const error = await failure(kling.wait('task-1'), PredictionFailedError);
      expect(error.message).toContain('completed with no output');
    },
  );

  test('wait goes on after an unknown status', async () => {
    const { kling, seen } = inTurn(task({ status: 'queued_v9' }), task({ status: undefined }), done());
    const statuses: string[] = [];
    const waiting = kling.wait('task-1', {
      pollIntervalMs: 10,
      onUpdate: ({ status }) => void statuses.push(status),
    });
    await vi.advanceTimersByTimeAsync(20);
    await waiting;
    expect(statuses).toEqual(['queued_v9', 'unknown', 'completed']);
    expect(seen).toHaveLength(3);
  });

  test('a repeated answer changes nothing, and every poll is published with the status', async () => {
    const repeated = task({ status: 'processing' });
    const { kling, seen } = inTurn(
      repeated,
      repeated,
      task({ status: 'processing', extra: 1 }),
      repeated,
      done(),
    );
    const published: unknown[] = [];
    const onPoll = (message: unknown) => void published.push((message as { status: string }).status);
    subscribe('wavespeed-kling:poll', onPoll);
    const updates: string[] = [];
    const waiting = kling.wait('task-1', {
      onUpdate: ({ status }) => void updates.push(status),
    });
    await vi.advanceTimersByTimeAsync(5000);
    expect((await waiting).outputs).toEqual(['https://cdn.example/video.mp4']);
    unsubscribe('wavespeed-kling:poll', onPoll);
    expect(published).toEqual(['processing', 'processing', 'processing', 'processing', 'completed']);
    expect(updates).toEqual(['processing', 'completed']);
    expect(seen).toHaveLength(5);
  });

  test('wait reads nulls, strings for lists, and new fields', async () => {
    const { kling } = inTurn(
      done({
        outputs: 'https://cdn.example/one.mp4',
        urls: null,
        has_nsfw_contents: null,
        error: null,
        timings: null,
        extra: { a: 1 },
      }),
    );
    expect(await kling.wait('task-1')).toMatchObject({
      outputs: ['https://cdn.example/one.mp4'],
      urls: {},
      has_nsfw_contents: [],
      error: '',
      timings: {},
      extra: { a: 1 },
    });
  });

  test('a pollIntervalMs function gets the time waited so far', async () => {
    const { kling, seen } = inTurn(task());
    const start = Date.now();
    const asked: number[] = [];
    const waiting = failure(
      kling.wait('task-1', {
        timeoutMs: 1000,
        pollIntervalMs: (elapsedMs) => {
          asked.push(elapsedMs);
          return 100 * 2 ** (asked.length - 1);
        },
      }),
      WaitTimeoutError,
    );
    await vi.advanceTimersByTimeAsync(1000);
    await waiting;
    expect(seen.map(({ at }) => at - start)).toEqual([0, 100, 300, 700]);
    expect(asked).toEqual([0, 100, 300, 700]);
  });

  test.each([NaN, -1, Infinity, '5', null])(
    'wait rejects %j for pollIntervalMs before anything is sent',
    async (interval) => {
      const { kling, seen } = inTurn(task());
      await failure(kling.wait('task-1', { pollIntervalMs: interval as number }), ConfigurationError);
      expect(seen).toEqual([]);
    },
  );

  test.each([
    () => NaN,
    () => 'soon' as never,
    () => {
      throw new Error('x');
    },
  ])('the error of an interval function that returns no number names the task', async (interval) => {
    const { kling } = inTurn(task());
    const error = await failure(kling.wait('task-1', { pollIntervalMs: interval }), ConfigurationError);
    expect(error.predictionId).toBe('task-1');
  });

  test.each(['', '  ', '.', '..', undefined, null, 5, {}])('wait rejects %j for an id', async (id) => {
    const { kling, seen } = inTurn(task());
    await expect(kling.wait(id as string)).rejects.toThrow('expected the id of a task');
    await expect(kling.get(id as string)).rejects.toThrow('expected the id of a task');
    expect(seen).toEqual([]);
  });
});

describe('the deadline', () => {
  test('timeoutMs ends the wait on time with the last task and how to resume, and nothing else is sent', async () => {
    const { kling, seen } = inTurn(task({ status: 'processing' }));
    const start = Date.now();
    const waiting = failure(kling.wait('task-1', { timeoutMs: 950, pollIntervalMs: 300 }), WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(949);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(1);
    const error = await waiting;
    expect(error).toMatchObject({
      predictionId: 'task-1',
      elapsedMs: 950,
      lastPrediction: { status: 'processing' },
    });
    expect(error.message).toContain(`wait('task-1')`);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.map(({ at }) => at - start)).toEqual([0, 300, 600, 900]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('timeoutMs ends a poll in flight', async () => {
    const { kling, seen } = clientOn(() => new Promise(() => undefined));
    const waiting = failure(kling.wait('task-1', { timeoutMs: 500 }), WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(500);
    expect(await waiting).toMatchObject({ elapsedMs: 500, lastPrediction: undefined });
    expect(seen[0]?.signal?.aborted).toBe(true);
  });

  test.each([0, -5, NaN, '1000'])('wait rejects %j for timeoutMs', async (timeoutMs) => {
    const { kling, seen } = inTurn(task());
    await failure(kling.wait('task-1', { timeoutMs: timeoutMs as number }), ConfigurationError);
    expect(seen).toEqual([]);
  });

  test('timeoutMs may be longer than a timer can be set', async () => {
    const { kling } = inTurn(task(), done());
    for (const timeoutMs of [Infinity, 2 ** 40]) {
      const waiting = kling.wait('task-1', { timeoutMs });
      await vi.advanceTimersByTimeAsync(2000);
      await waiting;
    }
  });
});

describe('failed polls', () => {
  test('a wait survives any number of failed polls, with growing delays, and onRetry is called for each', async () => {
    const down = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } });
    const failures = Array.from({ length: 40 }, () => down);
    const retries: [string, number, number, string | undefined][] = [];
    let polls = 0;
    const { kling, seen } = clientOn(
      () => {
        const failing = failures[polls++];
        if (failing) throw failing;
        return envelope(done());
      },
      {
        onRetry: ({ operation, attempt, delayMs, predictionId }) =>
          void retries.push([operation, attempt, delayMs, predictionId]),
      },
    );
    const waiting = kling.wait('task-1', { pollIntervalMs: 100 });
    await vi.advanceTimersByTimeAsync(40 * 30_000);
    expect((await waiting).status).toBe('completed');
    const gaps = seen.slice(1).map(({ at }, index) => at - (seen[index]?.at ?? 0));
    // Full jitter, here always half: 250, 500, 1000, … up to half the cap of 30 s.
    expect(gaps.slice(0, 8)).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(seen).toHaveLength(41);
    expect(retries).toHaveLength(40);
    expect(retries[1]).toEqual(['poll', 2, 500, 'task-1']);
  });

  test('a wait whose polls all fail ends at the deadline with the last failure as its cause', async () => {
    const { kling } = inTurn(Response.json({ code: 503, message: 'maintenance' }, { status: 503 }));
    const waiting = failure(kling.wait('task-1', { timeoutMs: 60_000 }), WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await waiting).cause).toMatchObject({ name: 'ServerError', status: 503 });
  });

  test.each([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['a date', { 'retry-after': 'DATE+9000' }, 9000],
    ['a date that has passed', { 'retry-after': 'DATE-9000' }, 100],
    ['zero', { 'retry-after': '0' }, 100],
    ['an hour', { 'retry-after': '3600' }, 60_000],
    ['nonsense', { 'retry-after': 'soon' }, 250],
    ['a negative number', { 'retry-after': '-1' }, 250],
  ])('the next poll comes as Retry-After says: %s', async (_what, headers, expected) => {
    vi.setSystemTime(new Date('2026-01-01T00:00:00.000Z'));
    const value = headers['retry-after'].replace(/DATE([+-]\d+)/, (_, ms: string) =>
      new Date(Date.now() + Number(ms)).toUTCString(),
    );
    for (const status of [429, 503]) {
      const { kling, seen } = inTurn(envelope(null, status, 'later', { 'retry-after': value }), done());
      const waiting = kling.wait('task-1', { pollIntervalMs: 1 });
      await vi.advanceTimersByTimeAsync(70_000);
      await waiting;
      expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBe(expected);
      vi.setSystemTime(new Date('2026-01-01T00:00:00.000Z'));
    }
  });

  test.each([408, 425, 429, 500, 503])('a wait polls on after %s', async (status) => {
    const { kling, seen } = inTurn(envelope(null, status, 'later'), done());
    const waiting = kling.wait('task-1');
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await waiting).status).toBe('completed');
    expect(seen).toHaveLength(2);
  });

  test.each([400, 401, 402, 403, 409, 422])(
    'a poll answered with %s ends the wait at once',
    async (status) => {
      const { kling, seen } = inTurn(envelope(null, status, 'no'), done());
      const error = (await rejection(kling.wait('task-1'))) as WaveSpeedError;
      expect(error).toBeInstanceOf(status === 401 ? AuthenticationError : WaveSpeedError);
      expect(error.predictionId).toBe('task-1');
      expect(seen).toHaveLength(1);
    },
  );

  test.each([400, 401, 403, 404, 410])(
    'a wait polls on after the HTML page of a gateway with %s, which says nothing of the task',
    async (status) => {
      const page = new Response('<!DOCTYPE html><title>Blocked</title>', { status });
      const { kling } = inTurn(...Array.from({ length: 8 }, () => page), done());
      const waiting = kling.wait('task-1');
      await vi.advanceTimersByTimeAsync(600_000);
      expect((await waiting).status).toBe('completed');
    },
  );

  test('a read is repeated after the HTML page of a gateway', async () => {
    const page = new Response('\n<html><title>Blocked</title></html>', { status: 403 });
    const { kling, seen } = inTurn(page, task());
    const getting = kling.get('task-1');
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await getting).id).toBe('task-1');
    expect(seen).toHaveLength(2);
  });

  test('a wait survives a 404 right after the submit', async () => {
    const missing = envelope(null, 404, 'not found');
    const { kling, seen } = inTurn(missing, missing, missing, missing, done());
    const running = kling.run(KLING_O3_STD, INPUT);
    await vi.advanceTimersByTimeAsync(20_000);
    await running;
    expect(seen.filter(isPoll)).toHaveLength(5);
  });

  test('404s never end a run before its deadline: the service accepted its task', async () => {
    const { kling, posts } = inTurn(envelope(null, 404, 'not found'));
    const running = failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 60_000 }), WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(60_000);
    const error = await running;
    expect([error.predictionId, error.retry, error.cause]).toEqual([
      'task-1',
      'resume',
      expect.any(NotFoundError),
    ]);
    expect(error.elapsedMs).toBeGreaterThanOrEqual(60_000);
    expect(posts()).toBe(1);
  });

  test('a run ends if its task disappears after it was seen', async () => {
    const { kling } = inTurn(task(), envelope(null, 404, 'not found'));
    const running = failure(kling.run(KLING_O3_STD, INPUT), NotFoundError);
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await running).retry).toBe('never');
  });

  test('a 404 that persists ends the wait long before its deadline', async () => {
    const { kling, seen } = inTurn(envelope(null, 404, 'not found'));
    const waiting = failure(kling.wait('task-1'), NotFoundError);
    await vi.advanceTimersByTimeAsync(20_000);
    const error = await waiting;
    expect(error.predictionId).toBe('task-1');
    expect(error.message).toContain('No task task-1');
    expect(seen.length).toBeLessThan(8);
  });

  test('a wait that only gets 404s ends in a NotFoundError at its deadline', async () => {
    const { kling } = inTurn(envelope(null, 404, 'not found'));
    const waiting = failure(kling.wait('task-1', { timeoutMs: 1500, pollIntervalMs: 100 }), NotFoundError);
    await vi.advanceTimersByTimeAsync(1500);
    await waiting;
  });

  test('a wait that gets 404s after its task was seen ends in a WaitTimeoutError', async () => {
    const { kling } = inTurn(task(), envelope(null, 404, 'not found'));
    const waiting = failure(kling.wait('task-1', { timeoutMs: 1500, pollIntervalMs: 100 }), WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(1500);
    expect((await waiting).lastPrediction).toMatchObject({ id: 'task-1', status: 'created' });
  });

  test.each([
    ['a response', () => task()],
    ['another failure', () => new Error('ECONNRESET')],
  ])('the count of 404s starts again after %s', async (_what, between) => {
    const missing = envelope(null, 404, 'not found');
    const four = [missing, missing, missing, missing];
    const { kling, seen } = inTurn(...four, between(), ...four, done());
    const waiting = kling.wait('task-1');
    await vi.advanceTimersByTimeAsync(60_000);
    await waiting;
    expect(seen).toHaveLength(10);
  });

  test('an interval longer than a timer can be does not poll at once', async () => {
    const { kling, seen } = inTurn(task());
    const controller = new AbortController();
    const options = { pollIntervalMs: 2 ** 31, timeoutMs: 2 ** 33, signal: controller.signal };
    const waiting = failure(kling.wait('task-1', options), WaitAbortedError);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toHaveLength(1);
    controller.abort();
    await waiting;
  });
});

describe('an abort', () => {
  const cases: [string, (abort: () => void) => Promise<void>][] = [
    [
      'between polls',
      async (abort) => {
        await vi.advanceTimersByTimeAsync(150);
        abort();
      },
    ],
    [
      'in the backoff after a failed poll',
      async (abort) => {
        await vi.advanceTimersByTimeAsync(310);
        abort();
      },
    ],
  ];
  test.each(cases)(
    'an abort %s rejects at once with the task’s id, and nothing more is sent',
    async (_when, act) => {
      const controller = new AbortController();
      const { kling, seen } = inTurn(task(), task(), task(), new TypeError('down'));
      const waiting = rejection(kling.wait('task-1', { pollIntervalMs: 100, signal: controller.signal }));
      const reason = Symbol('left');
      await act(() => controller.abort(reason));
      expect(await waiting).toMatchObject({ name: 'AbortError', cause: reason, predictionId: 'task-1' });
      const before = seen.length;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(seen).toHaveLength(before);
      expect(vi.getTimerCount()).toBe(0);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    },
  );

  test('an abort ends a poll, even one whose fetch ignores the signal', async () => {
    const controller = new AbortController();
    const answer = deferred<Response>();
    const { kling, seen } = clientOn(() => answer.promise);
    const waiting = rejection(kling.wait('task-1', { signal: controller.signal }));
    await vi.advanceTimersByTimeAsync(0);
    expect(seen).toHaveLength(1);
    controller.abort('left');
    expect(await waiting).toBeInstanceOf(WaitAbortedError);
    expect(seen[0]?.signal?.aborted).toBe(true);
    answer.resolve(envelope(task()));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a wait with an aborted signal sends nothing', async () => {
    const { kling, seen } = inTurn(done());
    const signal = AbortSignal.abort('left');
    const aborted = { name: 'AbortError', cause: 'left', predictionId: 'task-1' };
    expect(await rejection(kling.wait('task-1', { signal }))).toMatchObject(aborted);
    expect(await rejection(kling.watch('task-1', { signal }).next())).toMatchObject(aborted);
    expect(await rejection(kling.get('task-1', { signal }))).toBe('left');
    expect(await rejection(kling.list({}, { signal }).next())).toBe('left');
    expect(await rejection(kling.balance({ signal }))).toBe('left');
    expect(seen).toEqual([]);
  });

  test('an abort in onUpdate rejects at once', async () => {
    const controller = new AbortController();
    const { kling } = inTurn(task());
    const waiting = rejection(
      kling.wait('task-1', { signal: controller.signal, onUpdate: () => new Promise(() => undefined) }),
    );
    await vi.advanceTimersByTimeAsync(10);
    controller.abort('left');
    expect(await waiting).toMatchObject({ name: 'AbortError', cause: 'left', predictionId: 'task-1' });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a hundred waits leave no listener on a signal that lives on', async () => {
    vi.useRealTimers();
    const { signal } = new AbortController();
    const { kling } = clientOn(() => envelope(done()), { maxPollsPerSecond: 1e6 });
    for (let count = 0; count < 100; count++) await kling.wait('task-1', { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('onUpdate that throws', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('broken view');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken view'))],
  ])('an onUpdate that throws (%s) names the task, and nothing else is sent', async (_how, onUpdate) => {
    const { kling, seen } = inTurn(task());
    const error = await failure(kling.wait('task-1', { onUpdate }), WaveSpeedError);
    expect(error.predictionId).toBe('task-1');
    expect(error.cause).toMatchObject({ message: 'broken view' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('watch', () => {
  test.each(['completed', 'failed'])('watch yields every change, %s included, and ends', async (status) => {
    const { kling, seen } = inTurn(
      task(),
      task({ status: 'processing' }),
      task({ status: 'processing' }),
      done({ status }),
    );
    const statuses: string[] = [];
    const watching = (async () => {
      for await (const prediction of kling.watch('task-1', { pollIntervalMs: 10 }))
        statuses.push(prediction.status);
    })();
    await vi.advanceTimersByTimeAsync(100);
    await watching;
    expect(statuses).toEqual(['created', 'processing', status]);
    expect(seen).toHaveLength(4);
  });

  test('watch stops when its loop is left, and leaves no timer and no listener', async () => {
    const { signal } = new AbortController();
    const { kling, seen } = inTurn(task());
    for await (const prediction of kling.watch('task-1', { signal })) {
      expect(prediction.status).toBe('created');
      break;
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('watch throws a WaitTimeoutError at the deadline', async () => {
    const { kling } = inTurn(task());
    const watching = (async () => {
      for await (const prediction of kling.watch('task-1', { timeoutMs: 50 })) void prediction;
    })();
    const failed = failure(watching, WaitTimeoutError);
    await vi.advanceTimersByTimeAsync(50);
    await failed;
  });
});

describe('woken by a webhook', () => {
  const source = () => {
    const listeners = new Map<string, (prediction: Prediction) => void>();
    return {
      listeners,
      subscribe: (id: string, listener: (prediction: Prediction) => void) => {
        listeners.set(id, listener);
        return () => void listeners.delete(id);
      },
    };
  };

  test('a webhookReceiver that throws names the task, and leaves no timer', async () => {
    const { kling, seen } = clientOn(() => envelope(task()));
    const webhooks = {
      subscribe: () => {
        throw new Error('no store');
      },
    };
    const error = await failure(kling.wait('task-1', { webhookReceiver: webhooks }), WaveSpeedError);
    expect(error).toMatchObject({ predictionId: 'task-1', cause: { message: 'no store' } });
    expect(seen).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a wait settles when the event comes, without another request', async () => {
    const webhooks = source();
    const { kling, seen } = inTurn(task());
    const updates: string[] = [];
    const waiting = kling.wait('task-1', {
      webhookReceiver: webhooks,
      onUpdate: ({ status }) => void updates.push(status),
    });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(seen).toHaveLength(1);
    webhooks.listeners.get('task-1')?.(done() as unknown as Prediction);
    expect((await waiting).outputs).toHaveLength(1);
    expect(updates).toEqual(['created', 'completed']);
    expect(seen).toHaveLength(1);
    expect(webhooks.listeners.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a wait whose event never comes polls slowly, and ends all the same', async () => {
    const webhooks = source();
    const { kling, seen } = inTurn(task(), task(), done());
    const start = Date.now();
    const waiting = kling.wait('task-1', { webhookReceiver: webhooks });
    await vi.advanceTimersByTimeAsync(60_000);
    await waiting;
    expect(seen.map(({ at }) => at - start)).toEqual([0, 30_000, 60_000]);
    expect(webhooks.listeners.size).toBe(0);
  });

  test.each([
    ['failed', task({ status: 'failed', error: 'refused' })],
    ['completed without a video', { ...done(), outputs: [] }],
  ])('an event that says %s ends the wait, without another request', async (_what, event) => {
    const webhooks = source();
    const { kling, seen } = inTurn(task());
    const updates: string[] = [];
    const waiting = failure(
      kling.wait('task-1', {
        webhookReceiver: webhooks,
        onUpdate: ({ status }) => void updates.push(status),
      }),
      PredictionFailedError,
    );
    await vi.advanceTimersByTimeAsync(10_000);
    webhooks.listeners.get('task-1')?.(event as unknown as Prediction);
    expect((await waiting).prediction).toMatchObject({ status: event.status, error: event.error });
    expect(updates).toEqual(['created', event.status]);
    expect(seen).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('an event that does not end the task makes the next poll come at once', async () => {
    const webhooks = source();
    const { kling, seen } = inTurn(task(), task({ status: 'processing' }), done());
    const start = Date.now();
    const waiting = kling.wait('task-1', { webhookReceiver: webhooks });
    await vi.advanceTimersByTimeAsync(10_000);
    webhooks.listeners.get('task-1')?.(task({ status: 'processing' }) as unknown as Prediction);
    await vi.advanceTimersByTimeAsync(30_000);
    await waiting;
    expect(seen.map(({ at }) => at - start)).toEqual([0, 10_000, 40_000]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('an event during a poll makes the next one come at once', async () => {
    const webhooks = source();
    const firstPoll = deferred<Response>();
    let polls = 0;
    const { kling, seen } = clientOn(() => (polls++ === 0 ? firstPoll.promise : envelope(done())));
    const start = Date.now();
    const waiting = kling.wait('task-1', { webhookReceiver: webhooks });
    await vi.advanceTimersByTimeAsync(100);
    webhooks.listeners.get('task-1')?.(task({ status: 'processing' }) as unknown as Prediction);
    firstPoll.resolve(envelope(task()));
    await vi.advanceTimersByTimeAsync(1000);
    await waiting;
    expect(seen.map(({ at }) => at - start)).toEqual([0, 100]);
  });
});
