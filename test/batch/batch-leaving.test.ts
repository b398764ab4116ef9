/** Batches that are left or stopped: no paid or open task is dropped, and nothing more is started. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  KLING_O3_STD,
  type ManyResult,
  type RunManyOptions,
  SubmissionUnknownError,
  WaveSpeedError,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { rejection } from '../support/client.js';
import { requests, setUp } from './batch-support.js';

const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
  warn.mockClear();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Every error in an error, its own and its causes'. */
function flatten(error: unknown): unknown[] {
  return error instanceof AggregateError ? error.errors.flatMap(flatten) : [error];
}

describe('a batch that is left', () => {
  const whens = [
    'with open submits',
    'with submits in flight',
    'with tasks that run',
    'with results not read',
  ];
  const hows = ['break', 'return()', 'throw()', 'asyncDispose'];
  const variants = whens.flatMap((when) =>
    hows.flatMap((how) => [true, false].map((isSaved) => ({ when, how, isSaved }))),
  );

  test.each(variants)(
    '$when by $how (onSubmitted: $isSaved) drops no task',
    async ({ when, how, isSaved }) => {
      const { kling, emulator } = setUp(when.includes('run') ? { processingMs: 3_600_000 } : {});
      // The first is invalid, so that there is a result to leave at.
      const source = [{ model: KLING_O3_STD, input: { prompt: '' } } as const, ...requests(6)];
      if (when.includes('open')) {
        const kind = { kind: 'reset', when: 'request', accepted: true } as const;
        emulator.fail({ on: 'submit', ...kind, times: 3 });
      }
      if (when.includes('flight')) emulator.fail({ on: 'submit', kind: 'delay', ms: 2000, times: Infinity });
      const told: string[] = [];
      const options: RunManyOptions = {
        concurrency: 6,
        ...(isSaved ? { onSubmitted: ({ id }) => void told.push(id) } : {}),
      };
      const results: ManyResult[] = [];
      let left: unknown;
      const batch = kling.runMany(source, options);
      const leaveBy = async () => {
        if (how === 'break') {
          for await (const result of batch) {
            results.push(result);
            await vi.advanceTimersByTimeAsync(when.includes('read') ? 30_000 : 100);
            break;
          }
          return;
        }
        const { value } = await batch.next();
        if (value !== undefined) results.push(value);
        await vi.advanceTimersByTimeAsync(when.includes('read') ? 30_000 : 100);
        if (how === 'return()') await batch.return();
        else if (how === 'throw()') await batch.throw(new Error('mine'));
        else await batch[Symbol.asyncDispose]();
      };
      const leaving = leaveBy().catch((error: unknown) => {
        left = error;
      });
      for (let step = 0; step < 100; step++) await vi.advanceTimersByTimeAsync(100);
      await leaving;

      const errors = flatten(left);
      const named = errors.flatMap((error) => (error instanceof WaveSpeedError ? [error.predictionId] : []));
      const seen = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []));
      const lost = errors.filter(
        (error) => error instanceof SubmissionUnknownError && error.predictionId === undefined,
      );
      const known = new Set([...told, ...named, ...seen].filter((id) => id !== undefined));
      const missing = emulator.account.tasks.filter(({ id }) => !known.has(id));
      expect(emulator.account.tasks.length).toBeGreaterThanOrEqual(6);
      expect(lost).toHaveLength(missing.length);
      if (when.includes('open')) expect(missing).toHaveLength(3);
      if (how === 'throw()') expect(errors).toContainEqual(new Error('mine'));
      const before = emulator.requests.length;
      await vi.advanceTimersByTimeAsync(600_000);
      expect(emulator.requests.length).toBe(before);
      expect(vi.getTimerCount()).toBe(0);
    },
  );
});

describe('a batch whose onSubmitted throws', () => {
  /** Runs a batch with a saver that fails at the first task, and returns how many were submitted. */
  async function spend(clientOptions: WaveSpeedKlingOptions, options: RunManyOptions, times = 1) {
    const { kling, emulator } = setUp({}, clientOptions);
    let calls = 0;
    const results: ManyResult[] = [];
    const saver = () => {
      if (++calls <= times) throw new Error('disk full');
    };
    const running = (async () => {
      for await (const result of kling.runMany(requests(20), { onSubmitted: saver, ...options })) {
        results.push(result);
      }
    })();
    const ended = rejection(running);
    await vi.advanceTimersByTimeAsync(20 * 60_000);
    expect(vi.getTimerCount()).toBe(0);
    return { error: await ended, submits: emulator.requestCount({ operation: 'submit' }), results };
  }

  test('an onSubmitted that throws stops new submits, but for those in flight with it', async () => {
    const { error, submits } = await spend({}, { concurrency: 2 });
    expect(error).toMatchObject({ message: expect.stringContaining('disk full') });
    expect(submits).toBe(2);
  });

  test('an onSubmitted that throws stops submits that wait for their turn within the limits', async () => {
    const { submits, results } = await spend({ limits: { perMinute: 2 } }, {});
    expect(submits).toBe(2);
    expect(results.length).toBeGreaterThanOrEqual(2);
  });

  test('an onSubmitted that throws stops submits that wait for a place among the running tasks', async () => {
    const { submits } = await spend({ limits: { concurrency: 2 } }, { concurrency: 20 });
    expect(submits).toBe(2);
  });
});

test('a batch whose onSubmitted throws waits for the tasks that run, and sends no submit again', async () => {
  const { kling, emulator } = setUp();
  // The second is rejected for its rate, and waits to be sent again while the first one's saver fails.
  emulator.fail({ on: 'submit', kind: 'delay', ms: 50 });
  emulator.fail({ on: 'submit', kind: 'status', status: 429, headers: { 'retry-after': '5' } });
  const results: ManyResult[] = [];
  const running = rejection(
    (async () => {
      const onSubmitted = () => Promise.reject(new Error('disk full'));
      for await (const result of kling.runMany(requests(2), { onSubmitted })) results.push(result);
    })(),
  );
  await vi.advanceTimersByTimeAsync(600_000);
  await running;
  expect(emulator.requestCount({ operation: 'submit' })).toBe(2);
  expect(emulator.account.tasks).toHaveLength(1);
  expect(results).toHaveLength(2);
});

describe('a loop whose body throws', () => {
  /** Leaves a batch at its first result, an invalid request, while the answers to two submits are lost. */
  async function leave(options: RunManyOptions = {}) {
    const { kling, emulator } = setUp();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true, times: 2 });
    const source = [{ model: KLING_O3_STD, input: { prompt: '' } } as const, ...requests(3)];
    const loop = rejection(
      (async () => {
        for await (const _ of kling.runMany(source, { concurrency: 3, ...options })) {
          await vi.advanceTimersByTimeAsync(100);
          throw new Error('mine');
        }
      })(),
    );
    for (let step = 0; step < 100; step++) await vi.advanceTimersByTimeAsync(100);
    expect(await loop).toMatchObject({ message: 'mine' });
    const warnings = warn.mock.calls.map(([text]) => String(text));
    return { warnings, tasks: emulator.account.tasks };
  }

  test('a loop whose body throws warns of every task and unknown outcome that was not reported', async () => {
    const { warnings, tasks } = await leave();
    expect(tasks).toHaveLength(3);
    expect(warnings).toHaveLength(3);
    expect(warnings.filter((text) => tasks.some(({ id }) => text.includes(`wait('${id}')`)))).toHaveLength(1);
    const unknown = warnings.filter((text) => /sha256 of its input: [0-9a-f]{64}\)/.test(text));
    expect(new Set(unknown).size).toBe(2);
  });

  test('a loop whose body throws warns of nothing that onSubmitted or onUnknown was called for', async () => {
    const told: (string | number)[] = [];
    const { warnings } = await leave({
      onSubmitted: ({ id }) => void told.push(id),
      onUnknown: (error, index) => {
        expect(error.name).toBe('SubmissionUnknownError');
        told.push(index);
      },
    });
    expect(told).toHaveLength(3);
    expect(told.filter((entry) => typeof entry === 'number')).toHaveLength(2);
    expect(warnings).toEqual([]);
  });
});

test('an onUnknown that throws stops new submits', async () => {
  const { kling, emulator } = setUp();
  emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true, times: 1 });
  const results: ManyResult[] = [];
  const running = rejection(
    (async () => {
      const onUnknown = () => Promise.reject(new Error('disk full'));
      for await (const result of kling.runMany(requests(20), { concurrency: 1, onUnknown }))
        results.push(result);
    })(),
  );
  await vi.advanceTimersByTimeAsync(600_000);
  expect(await running).toMatchObject({ message: 'disk full' });
  expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  expect(results[0]).toMatchObject({ status: 'rejected', reason: { name: 'SubmissionUnknownError' } });
});
