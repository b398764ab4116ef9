/** A call that ends between any two of its steps: no task is lost or paid for twice, and no later call is blocked. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KLING_O3_STD, type Prediction, type SubmitOptions, type WaveSpeedKling } from 'wavespeed-kling';
import { clientOn } from '../support/client.js';
import { idsOf, OTHER, settled, steps, StepwiseService } from './stepwise-service.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How a call ends, and what does it. */
interface End {
  optionsOf: (signal: AbortSignal) => SubmitOptions;
  end: (controller: AbortController) => void;
}

const TIMEOUT_MS = 1000;
const ENDS: [string, End][] = [
  ['aborted', { optionsOf: (signal) => ({ signal }), end: (controller) => controller.abort(OTHER) }],
  [
    'out of time',
    {
      optionsOf: () => ({ timeoutMs: TIMEOUT_MS }),
      end: () => void vi.advanceTimersByTime(TIMEOUT_MS),
    },
  ],
];

/** Starts calls, of which one gets options that end it. */
type Start = (kling: WaveSpeedKling, ending: SubmitOptions) => Promise<Prediction>[];

const input = (index: number) => ({ prompt: `request ${index}` });

/** With one slot, each waits for the one before it. */
const threeSubmits =
  (ended: number, keyOf: (index: number) => string | undefined = () => undefined): Start =>
  (kling, ending) =>
    [0, 1, 2].map((index) => {
      const idempotencyKey = keyOf(index);
      const options = { idempotencyKey, ...(index === ended && ending) };
      return kling.submit(KLING_O3_STD, input(idempotencyKey === 'shared' ? 0 : index), options);
    });
const ownKey = (index: number) => `key ${index}`;
const sharedKey = () => 'shared';

const STARTS: [string, Start][] = [
  ['the first of three submits', threeSubmits(0)],
  ['a submit that waits for a slot', threeSubmits(1)],
  ['the last of three submits', threeSubmits(2)],
  ['a submit with a key', threeSubmits(0, ownKey)],
  ['a submit with a key that waits for a slot', threeSubmits(1, ownKey)],
  ['the first of three submits with one key', threeSubmits(0, sharedKey)],
  ['a submit that waits for another one with its key', threeSubmits(1, sharedKey)],
];

test.each(ENDS.flatMap(([how, end]) => STARTS.map(([what, start]) => [what, how, start, end] as const)))(
  '%s may be %s at any step',
  async (_what, _how, start, { optionsOf, end }) => {
    const problems: string[] = [];
    let step = 0;
    for (let wasOver = false; !wasOver; step++) {
      const service = new StepwiseService([]);
      const { kling } = clientOn(service.answer, { limits: { concurrency: 1 } });
      const controller = new AbortController();
      let isOver = false;
      const calls = Promise.allSettled(start(kling, optionsOf(controller.signal))).finally(
        () => (isOver = true),
      );
      await steps(step);
      wasOver = isOver;
      end(controller);
      const endedAt = Date.now();
      const outcomes = await settled(calls);
      const later = await settled(kling.submit(KLING_O3_STD, input(3)));
      if (outcomes === undefined || later === undefined) problems.push(`step ${step}: a call is stuck`);
      if (Date.now() - endedAt >= 1000) problems.push(`step ${step}: a later call was blocked`);
      const told = new Set([later?.id]);
      for (const outcome of outcomes ?? []) {
        if (outcome.status === 'fulfilled') told.add(outcome.value.id);
        else for (const id of await idsOf(outcome.reason)) told.add(id);
      }
      const prompts = service.posts.map(({ prompt }) => prompt);
      const lost = service.posts.filter(({ id }) => !told.has(id));
      if (lost.length > 0) problems.push(`step ${step}: lost ${lost.map(({ prompt }) => prompt).join(', ')}`);
      if (new Set(prompts).size < prompts.length) problems.push(`step ${step}: paid twice`);
      for (const key of ['key 0', 'key 1', 'key 2', 'shared']) {
        const found = await kling.lookup(key);
        if (found?.state === 'sending') problems.push(`step ${step}: ${key} is left open`);
        if (found?.predictionId === OTHER.predictionId)
          problems.push(`step ${step}: ${key} has another's task`);
      }
      await kling.close();
      if (vi.getTimerCount() > 0) problems.push(`step ${step}: a timer is left`);
    }
    expect(problems).toEqual([]);
    expect(step).toBeGreaterThan(50);
  },
);
