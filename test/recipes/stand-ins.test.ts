// The recipes of docs/scaling.md for engines without a local test runtime: their code runs, with stand-ins for the engine.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { isTerminal, KLING_O1 } from 'wavespeed-kling';
import { type Bench, compile, failFirstPoll, getSnippet, startBench } from './support.js';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench?.close());

const input = { prompt: 'A fox in the snow' };
const submits = () => bench.emulator.requestCount({ operation: 'submit' });

test('a task of Trigger.dev whose first attempt failed after its submit makes one video', async () => {
  const names = { kling: bench.kling, task: (definition: object) => definition };
  const { run } = (await compile(getSnippet('### Trigger.dev'), names, 'makeVideo')) as {
    run: (payload: object, params: object) => Promise<string[]>;
  };
  const before = submits();
  failFirstPoll(bench.emulator);
  const params = { ctx: { run: { id: 'run_1' } }, signal: new AbortController().signal };
  await expect(run({ model: KLING_O1, input }, params)).rejects.toMatchObject({ status: 401 });
  expect(await run({ model: KLING_O1, input }, params)).toEqual([expect.stringMatching(/^http/)]);
  expect(submits()).toBe(before + 1);
});

test('a workflow of Vercel whose steps run again makes one video', async () => {
  const sleep = vi.fn(async () => undefined);
  const names = { kling: bench.kling, isTerminal, sleep };
  const workflow = (await compile(
    getSnippet('### Vercel Workflow'),
    names,
    '{ makeVideo, submitVideo }',
  )) as Record<'makeVideo' | 'submitVideo', (order: object) => Promise<string[]>>;
  const before = submits();
  const order = { id: 'order-7', model: KLING_O1, input };
  const first = await workflow.submitVideo(order);
  expect(await workflow.submitVideo(order)).toEqual(first);
  expect(await workflow.makeVideo(order)).toEqual([expect.stringMatching(/^http/)]);
  expect(submits()).toBe(before + 1);
});
