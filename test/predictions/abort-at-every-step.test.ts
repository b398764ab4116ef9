/** A call that is aborted between any two of its steps: no task is lost or paid for twice, and no later call is blocked. */
import { expect, test } from 'vitest';
import {
  KLING_O3_STD,
  SubmissionUnknownError,
  WaveSpeedError,
  type Prediction,
  type SubmitOptions,
  type WaveSpeedKling,
} from 'wavespeed-kling';
import { clientOn, envelope, isPoll, isSubmit, task, type SeenRequest } from '../support/client.js';

/** Lets so many promises go on, and no timer. */
async function steps(count: number): Promise<void> {
  for (let step = 0; step < count; step++) await Promise.resolve();
}

/** A service that answers without timers. A task exists as soon as its POST has arrived. */
function setUp() {
  const posts: SeenRequest[] = [];
  const { kling } = clientOn(
    async (request) => {
      const id = request.path.split('/').at(-2) ?? '';
      const count = isSubmit(request) ? posts.push(request) : 0;
      await steps(3);
      if (isSubmit(request)) return envelope(task({ id: String(count) }));
      if (isPoll(request)) return envelope(task({ id }));
      const items = posts.map((post, at) => task({ id: String(at + 1), inputs: post.body }));
      return envelope({ page: 1, total: items.length, items: items.reverse() });
    },
    { limits: { concurrency: 1 } },
  );
  return { kling, posts };
}

/** Resolves to undefined if the promise is still pending when there is nothing left to do. */
function settled<T>(promise: Promise<T>): Promise<T | undefined> {
  const idle = async () => {
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    return undefined;
  };
  return Promise.race([promise, idle()]);
}

/** Starts calls, of which the signal aborts one. */
type Start = (kling: WaveSpeedKling, signal: AbortSignal) => Promise<Prediction>[];

const input = (index: number) => ({ prompt: `request ${index}` });

/** With one slot, each waits for the one before it. */
const threeSubmits =
  (aborted: number, optionsOf: (index: number) => SubmitOptions = () => ({})): Start =>
  (kling, signal) =>
    [0, 1, 2].map((index) => {
      const { idempotencyKey } = optionsOf(index);
      const options = { idempotencyKey, ...(index === aborted && { signal }) };
      return kling.submit(KLING_O3_STD, input(idempotencyKey === 'shared' ? 0 : index), options);
    });
const ownKeys = (index: number) => ({ idempotencyKey: `key ${index}` });
const sharedKey = () => ({ idempotencyKey: 'shared' });

/** The error of another call: the worst that a caller can abort with. */
const REASON = new SubmissionUnknownError('The outcome of another call is unknown.', {
  model: KLING_O3_STD,
  input: input(9),
  submittedAt: new Date(),
  predictionId: 'of another call',
  candidates: async () => [],
});

/** The ids that a result or an error names, and those of the tasks that the error finds. */
async function idsOf(outcome: PromiseSettledResult<Prediction>): Promise<string[]> {
  if (outcome.status === 'fulfilled') return [outcome.value.id];
  const { reason } = outcome;
  if (reason === REASON) return [];
  if (reason instanceof WaveSpeedError && reason.predictionId !== undefined) return [reason.predictionId];
  if (!(reason instanceof SubmissionUnknownError)) return [];
  return (await reason.candidates()).filter(({ exactMatch }) => exactMatch).map(({ id }) => id);
}

test.each<[string, Start]>([
  ['the first of three submits', threeSubmits(0)],
  ['a submit that waits for a slot', threeSubmits(1)],
  ['the last of three submits', threeSubmits(2)],
  ['a submit with a key', threeSubmits(0, ownKeys)],
  ['a submit with a key that waits for a slot', threeSubmits(1, ownKeys)],
  ['the first of three submits with one key', threeSubmits(0, sharedKey)],
  ['a submit that waits for another one with its key', threeSubmits(1, sharedKey)],
])('%s may be aborted at any step', async (_, start) => {
  const problems: string[] = [];
  let step = 0;
  for (let wasOver = false; !wasOver; step++) {
    const { kling, posts } = setUp();
    const controller = new AbortController();
    let isOver = false;
    const calls = Promise.allSettled(start(kling, controller.signal)).finally(() => (isOver = true));
    await steps(step);
    wasOver = isOver;
    controller.abort(REASON);
    const outcomes = await settled(calls);
    const later = await settled(kling.submit(KLING_O3_STD, input(3)));
    if (outcomes === undefined || later === undefined) problems.push(`step ${step}: a call is stuck`);
    const told = new Set([later?.id, ...(await Promise.all((outcomes ?? []).map(idsOf))).flat()]);
    const prompts = posts.map(({ body }) => (body as { prompt: string }).prompt);
    const lost = prompts.filter((_prompt, index) => !told.has(String(index + 1)));
    if (lost.length > 0) problems.push(`step ${step}: lost ${lost.join(', ')}`);
    if (new Set(prompts).size < prompts.length) problems.push(`step ${step}: paid twice`);
    for (const key of ['key 0', 'key 1', 'key 2', 'shared']) {
      const found = await kling.lookup(key);
      if (found?.predictionId === REASON.predictionId)
        problems.push(`step ${step}: ${key} has another's task`);
    }
    await kling.close();
  }
  expect(problems).toEqual([]);
  expect(step).toBeGreaterThan(50);
});
