// Over random sequences of faults and aborts: never more than one task a run, and always either the video or an error
// that names the task or says that the outcome is unknown.
import { fc } from '../support/properties.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  KLING_O3_STD,
  SubmissionUnknownError,
  WaveSpeedError,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import {
  createEmulator,
  type EmulatorCore,
  type Fault,
  type FaultKind,
  startEmulator,
} from 'wavespeed-kling/testing';

const COST = 0.42;

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const accepted = fc.boolean();
const how = fc.constantFrom('rst' as const, 'fin' as const);
const kind: fc.Arbitrary<FaultKind> = fc.oneof(
  fc.record({
    kind: fc.constant('status' as const),
    status: fc.constantFrom(400, 401, 403, 404, 408, 500, 502, 503, 504),
    accepted: fc.constant(false),
  }),
  fc.record({ kind: fc.constant('status' as const), status: fc.constantFrom(500, 502, 504), accepted }),
  fc.constant<FaultKind>({ kind: 'status', status: 429, headers: { 'retry-after': '0' }, accepted: false }),
  fc.record({
    kind: fc.constant('reset' as const),
    when: fc.constantFrom('request' as const, 'headers' as const, 'body' as const),
    how,
    accepted,
  }),
  fc.record({
    kind: fc.constant('hang' as const),
    when: fc.constantFrom('headers' as const, 'body' as const),
    accepted,
  }),
  fc.record({ kind: fc.constant('delay' as const), ms: fc.integer({ min: 1, max: 600 }) }),
  fc.record({ kind: fc.constant('not-json' as const), accepted }),
  fc.record({ kind: fc.constant('empty' as const), accepted }),
  fc.record({
    kind: fc.constant('envelope' as const),
    code: fc.constantFrom(400, 500, 1001),
    message: fc.constant('no'),
    accepted: fc.constant(false),
  }),
  fc.constant<FaultKind>({ kind: 'data', patch: { status: 'new_status', outputs: null } }),
  fc.constant<FaultKind>({ kind: 'truncate' }),
);
const fault: fc.Arbitrary<Fault> = fc
  .tuple(fc.constantFrom('submit' as const, 'result' as const), kind, fc.integer({ min: 1, max: 3 }))
  .map(([on, what, times]) => ({ on, times, ...what }));
const plan = fc.record({
  faults: fc.array(fault, { maxLength: 5 }),
  abortAfterMs: fc.option(fc.integer({ min: 0, max: 1500 }), { nil: undefined, freq: 3 }),
  timeoutMs: fc.integer({ min: 50, max: 5000 }),
});

/** Runs once under a plan and checks the promise. */
async function check(
  emulator: EmulatorCore,
  options: WaveSpeedKlingOptions,
  { faults, abortAfterMs, timeoutMs }: typeof plan extends fc.Arbitrary<infer Plan> ? Plan : never,
  passTime: (running: Promise<unknown>) => Promise<void>,
): Promise<void> {
  for (const each of faults) emulator.fail(each);
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, requestTimeoutMs: 300, ...options });
  const controller = new AbortController();
  const timer =
    abortAfterMs === undefined ? undefined : setTimeout(() => controller.abort('left'), abortAfterMs);
  const saved: string[] = [];
  const running = kling
    .run(
      KLING_O3_STD,
      { prompt: 'A fox' },
      {
        timeoutMs,
        pollIntervalMs: 20,
        signal: controller.signal,
        onSubmitted: ({ id }) => void saved.push(id),
      },
    )
    .then(
      (video) => ({ video }),
      (error: unknown) => ({ error }),
    );
  await passTime(running);
  const outcome = await running;
  clearTimeout(timer);

  const { tasks, charged } = emulator.account;
  expect(tasks.length).toBeLessThanOrEqual(1);
  expect(charged).toBeLessThanOrEqual(COST);
  const id = tasks[0]?.id;
  if ('video' in outcome) {
    expect(outcome.video.id).toBe(id);
    expect(outcome.video.outputs).toHaveLength(1);
  } else if (id !== undefined) {
    const { error } = outcome;
    const isTold =
      error instanceof SubmissionUnknownError ||
      (error instanceof WaveSpeedError && error.predictionId === id) ||
      (error === 'left' && saved[0] === id);
    if (!isTold) expect.fail(`the task is lost: ${String(error)}`);
  } else if (outcome.error !== 'left') {
    expect(outcome.error).toBeInstanceOf(WaveSpeedError);
  }
  const sent = emulator.requests.length;
  await passTime(Promise.resolve());
  expect(emulator.requests.length).toBe(sent);
  await kling.close();
}

test('through fetch, on a faked clock', async () => {
  vi.useFakeTimers();
  await fc.assert(
    fc.asyncProperty(plan, async (drawn) => {
      const emulator = createEmulator({ queueMs: 60, processingMs: 60 });
      await check(emulator, { fetch: emulator.fetch }, drawn, async (running) => {
        let isOver = false;
        void running.finally(() => {
          isOver = true;
        });
        do await vi.advanceTimersByTimeAsync(250);
        while (!isOver);
        await vi.advanceTimersByTimeAsync(6000);
      });
    }),
    { numRuns: 300 },
  );
});

test('through undici, over real sockets', async () => {
  const runs: Promise<void>[] = [];
  // Drawn beforehand and run side by side: the waiting is what takes the time.
  for (const drawn of fc.sample(plan, { numRuns: 60, seed: 20_261_121 })) {
    const one = async () => {
      const emulator = await startEmulator({ queueMs: 60, processingMs: 60 });
      try {
        await check(emulator, { baseUrl: emulator.url }, drawn, async (running) => {
          await running;
          await new Promise((resolve) => setTimeout(resolve, 100));
        });
      } finally {
        await emulator.close();
      }
    };
    runs.push(one());
  }
  await Promise.all(runs);
});
