/** A call that is aborted with the error of another call, as when the first failure ends the others: it says nothing of this call. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  KLING_O3_PRO,
  KLING_O3_STD,
  type ManyResult,
  RequestTimeoutError,
  SubmissionUnknownError,
} from 'wavespeed-kling';
import { clientOn, envelope, failure, isSubmit, rejection, task } from '../support/client.js';

const input = (index: number) => ({ prompt: `request ${index}` });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A service that answers the first submit, and no other. */
function setUp(first: Response, concurrency = Infinity) {
  let submits = 0;
  return clientOn((request) => (isSubmit(request) && ++submits > 1 ? never : first), {
    limits: { concurrency },
  });
}

const never = new Promise<Response>(() => undefined);
const refusal = () => envelope(null, 402, 'no credits');
/** An error that names a task. */
const confusion = () => envelope(task(), 500, 'too late');

test.each([
  ['was refused', refusal],
  ['has an unknown outcome', confusion],
])(
  'a submit in flight that is aborted with the error of one that %s has an unknown outcome',
  async (_, first) => {
    const { kling } = setUp(first());
    const controller = new AbortController();
    const { signal } = controller;
    const refused = rejection(kling.submit(KLING_O3_STD, input(0), { signal }));
    const lost = failure(kling.submit(KLING_O3_STD, input(1), { signal }), SubmissionUnknownError);
    const reason = await refused;
    controller.abort(reason);
    await vi.advanceTimersByTimeAsync(5000);
    const error = await lost;
    expect(error.cause).toBe(reason);
    expect(error.predictionId).toBeUndefined();
  },
);

test('a key that is aborted in the queue with the error of another call does not get its task', async () => {
  const { kling, posts } = setUp(confusion(), 1);
  const reason = await failure(kling.submit(KLING_O3_STD, input(0)), SubmissionUnknownError);
  expect(reason.predictionId).toBe('task-1');
  const controller = new AbortController();
  const options = { idempotencyKey: 'order-2', signal: controller.signal };
  const queued = rejection(kling.submit(KLING_O3_STD, input(1), options));
  await vi.advanceTimersByTimeAsync(1000);
  controller.abort(reason);
  expect(await queued).toBe(reason);
  expect(await kling.lookup('order-2')).toBeUndefined();
  expect(posts()).toBe(1);
});

test('a batch that is aborted with the error of another call has no task where nothing was submitted', async () => {
  const { kling, posts } = setUp(confusion(), 1);
  const reason = await failure(kling.submit(KLING_O3_STD, input(0)), SubmissionUnknownError);
  const controller = new AbortController();
  const onUnknown = vi.fn<() => void>();
  const requests = [1, 2].map((index) => ({ model: KLING_O3_STD, input: input(index) }));
  const results: ManyResult[] = [];
  const running = rejection(
    (async () => {
      const options = { concurrency: 2, signal: controller.signal, onUnknown };
      for await (const result of kling.runMany(requests, options)) results.push(result);
    })(),
  );
  await vi.advanceTimersByTimeAsync(1000);
  controller.abort(reason);
  expect(await running).toBe(reason);
  expect(results).toEqual(requests.map((request, index) => ({ status: 'rejected', index, request, reason })));
  expect(onUnknown).not.toHaveBeenCalled();
  expect(posts()).toBe(1);
});

test('the reason of an abort is not changed, also where the service was asked for a price', async () => {
  const { kling, seen } = clientOn(() => never);
  const controller = new AbortController();
  const options = { maxCost: 5, signal: controller.signal };
  const asking = rejection(kling.submit(KLING_O3_PRO, input(0), options));
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen).toHaveLength(1);
  const reason = new RequestTimeoutError('another call took too long.');
  controller.abort(reason);
  expect(await asking).toBe(reason);
  expect(reason.message).toBe('another call took too long.');
});

test('nothing is announced as a retry after an abort with an error that would be retried', async () => {
  const onRetry = vi.fn<() => void>();
  const { kling } = clientOn(() => never, { onRetry });
  const controller = new AbortController();
  const reading = rejection(kling.balance({ signal: controller.signal }));
  const reason = new RequestTimeoutError('another call took too long');
  controller.abort(reason);
  expect(await reading).toBe(reason);
  expect(onRetry).not.toHaveBeenCalled();
});
