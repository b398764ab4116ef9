// Failures of `generateVideo`: what it rejects with, and that nothing is submitted twice.
import { describe, expect, test } from 'vitest';
import { WaitAbortedError, WaveSpeedError } from 'wavespeed-kling';
import { deferred } from '../support/client.js';
import { majors, rejectionOf, setup } from './support.js';

const fast = { wavespeedKling: { pollIntervalMs: 5 } };

describe.each(majors)('$ai errors', ({ generateVideo }) => {
  test.each([
    ['AuthenticationError', { kind: 'status', status: 401 }],
    ['InsufficientCreditsError', { kind: 'status', status: 402 }],
    ['SubmissionUnknownError', { kind: 'status', status: 500 }],
    ['SubmissionUnknownError', { kind: 'status', status: 503 }],
    ['SubmissionUnknownError', { kind: 'reset', when: 'request' }],
    ['SubmissionUnknownError', { kind: 'reset', when: 'headers' }],
    ['SubmissionUnknownError', { kind: 'not-json' }],
  ] as const)('rejects with %s as it is, after one POST', async (name, fault) => {
    const { emulator, model, submits } = await setup();
    emulator.fail({ on: 'submit', ...fault });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox' }));
    expect(error).toBeInstanceOf(WaveSpeedError);
    expect(error?.name).toBe(name);
    expect(error).not.toHaveProperty('isRetryable');
    expect(submits()).toBe(1);
  });

  test('outlives failed polls without a second submit', async () => {
    const { emulator, kling, model, submits } = await setup();
    emulator.fail({ on: 'result', kind: 'status', status: 503, times: 2 });
    const { video } = await generateVideo({
      model,
      prompt: 'A fox',
      providerOptions: fast,
      download: kling.download,
    });
    expect(video.uint8Array.length).toBeGreaterThan(0);
    expect(submits()).toBe(1);
  });

  test('rejects with PredictionFailedError for a task that failed', async () => {
    const { model, submits } = await setup({ emulator: { failWith: 'No foxes today' } });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox', providerOptions: fast }));
    expect(error).toMatchObject({
      name: 'PredictionFailedError',
      predictionId: expect.any(String) as string,
    });
    expect(error?.message).toContain('No foxes today');
    expect(submits()).toBe(1);
  });

  test('rejects with the error of onSubmitted, which names the task', async () => {
    const { emulator, model, submits } = await setup({
      onSubmitted: () => {
        throw new Error('database is down');
      },
    });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox' }));
    expect(error).toMatchObject({ predictionId: emulator.account.tasks[0]?.id });
    expect(error?.message).toContain('database is down');
    expect(submits()).toBe(1);
  });

  test('rejects with the reason of an abort before the submit', async () => {
    const { emulator, model } = await setup();
    const reason = new Error('changed my mind');
    const call = { model, prompt: 'A fox', abortSignal: AbortSignal.abort(reason) };
    expect(await rejectionOf(generateVideo(call))).toBe(reason);
    expect(emulator.requests).toEqual([]);
  });

  test('names the task of a call that was aborted while it waited', async () => {
    const controller = new AbortController();
    const { emulator, model } = await setup({
      emulator: { processingMs: 1e9 },
      onUpdate: () => controller.abort(),
    });
    const call = { model, prompt: 'A fox', abortSignal: controller.signal, providerOptions: fast };
    const error = await rejectionOf(generateVideo(call));
    expect(error).toMatchObject({ name: 'AbortError', predictionId: emulator.account.tasks[0]?.id });
    expect(error).toBeInstanceOf(WaitAbortedError);
  });
});

describe.each(majors)('$ai errors of one of n videos', ({ generateVideo }) => {
  test('name the tasks of the others when one is refused', async () => {
    const told: string[] = [];
    const { emulator, model, submits } = await setup({
      emulator: { processingMs: 1e9 },
      onSubmitted: (task) => void told.push(task.id),
    });
    emulator.fail({ on: 'submit', kind: 'status', status: 402, after: 1 });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox', n: 3, providerOptions: fast }));
    const ids = emulator.account.tasks.map(({ id }) => id);
    expect(ids).toHaveLength(2);
    expect(error?.name).toBe('InsufficientCreditsError');
    expect((error as WaveSpeedError).otherPredictionIds?.toSorted()).toEqual(ids.toSorted());
    for (const id of ids) expect(error?.message).toContain(id);
    expect(told.toSorted()).toEqual(ids.toSorted());
    expect(submits()).toBe(3);
  });

  test('end the polling of the others', async () => {
    const { emulator, model } = await setup({ emulator: { processingMs: 1e9 } });
    emulator.fail({ on: 'submit', kind: 'status', status: 402, after: 1 });
    await rejectionOf(generateVideo({ model, prompt: 'A fox', n: 2, providerOptions: fast }));
    const sent = emulator.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(emulator.requests.length).toBe(sent);
  });

  test('keep those from being submitted that wait for a turn', async () => {
    const { emulator, model, submits } = await setup({ client: { limits: { perMinute: 1 } } });
    emulator.fail({ on: 'submit', kind: 'status', status: 402 });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox', n: 3 }));
    expect(error?.name).toBe('InsufficientCreditsError');
    expect(error).not.toHaveProperty('otherPredictionIds');
    expect(submits()).toBe(1);
  });

  test('do not count those as unknown that were not submitted', async () => {
    const { emulator, model, submits } = await setup({ client: { limits: { concurrency: 1 } } });
    emulator.fail({ on: 'submit', kind: 'status', status: 500 });
    const error = await rejectionOf(generateVideo({ model, prompt: 'A fox', n: 3 }));
    expect(error?.name).toBe('SubmissionUnknownError');
    expect(error?.message).not.toContain('Other submits');
    expect(submits()).toBe(1);
  });

  test('do not name the tasks of another generateVideo', async () => {
    const submitted = deferred<void>();
    const { emulator, kling, model } = await setup({ onSubmitted: () => submitted.resolve() });
    const call = { model, prompt: 'A fox', providerOptions: fast };
    const other = generateVideo({ ...call, download: kling.download });
    await submitted.promise;
    emulator.fail({ on: 'submit', kind: 'status', status: 402 });
    const error = await rejectionOf(generateVideo(call));
    expect(error?.name).toBe('InsufficientCreditsError');
    expect(error).not.toHaveProperty('otherPredictionIds');
    expect((await other).videos).toHaveLength(1);
  });

  test('name the task that failed and the tasks that did not', async () => {
    const { emulator, model } = await setup({ emulator: { processingMs: 1e9 }, onUpdate: failSecond });
    function failSecond(): void {
      const [, second] = emulator.account.tasks;
      if (emulator.account.tasks.length === 3) second?.fail('No foxes today');
    }
    const call = { model, prompt: 'A fox', n: 3, providerOptions: fast };
    const error = (await rejectionOf(generateVideo(call))) as WaveSpeedError;
    const [first, second, third] = emulator.account.tasks.map(({ id }) => id);
    expect(error.name).toBe('PredictionFailedError');
    expect(error.predictionId).toBe(second);
    expect(new Set(error.otherPredictionIds)).toEqual(new Set([first, third]));
  });

  test('name all tasks when the call is aborted', async () => {
    const controller = new AbortController();
    const { emulator, model } = await setup({
      emulator: { processingMs: 1e9 },
      client: { limits: { perMinute: 2 } },
      onUpdate: () => {
        if (emulator.account.tasks.length === 2) controller.abort();
      },
    });
    const call = { model, prompt: 'A fox', n: 3, abortSignal: controller.signal, providerOptions: fast };
    const error = (await rejectionOf(generateVideo(call))) as WaveSpeedError;
    expect(error.name).toBe('AbortError');
    const named = [error.predictionId, ...(error.otherPredictionIds ?? [])];
    expect(new Set(named)).toEqual(new Set(emulator.account.tasks.map(({ id }) => id)));
    expect(named).toHaveLength(2);
  });
});
