/** The checks of `doctor --spend`: makes a short video and compares what it observes with the contract. */
import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Prediction, WaveSpeedKling } from '../index.js';
import { estimateCost, type ModelId, parseInput } from '../schemas.js';
import { attempt, type Check } from './doctor-check.js';
import { SPEND_INPUT } from './doctor-input.js';
import { EXIT } from './exit-codes.js';
import { interrupted } from './interrupt.js';
import { shortName } from './options.js';
import { Progress } from './progress.js';
import { followTask, taskCallbacks, type TaskContext } from './task.js';

/** In milliseconds. With a larger skew, a lost submit is hard to find in the history. */
const CLOCK_TOLERANCE_MS = 60_000;

const ORDER = ['created', 'processing', 'completed'];

interface Observation {
  startedAt: number;
  submitted?: Prediction;
  statuses: string[];
  completed?: Prediction;
  code: number;
}

export async function* spendChecks(
  kling: WaveSpeedKling,
  model: ModelId,
  directory: string,
): AsyncGenerator<Check, void, void> {
  const name = shortName(model);
  const before = await kling.balance({ signal: interrupted });
  const progress = new Progress();
  const context: TaskContext = {
    kling,
    label: name,
    row: progress.row(name, estimateCost(model, SPEND_INPUT)),
    directory,
    result: { model, status: 'not_submitted' },
  };
  let seen: Observation;
  try {
    seen = await observe(context, model);
  } finally {
    progress.stop();
  }
  interrupted.throwIfAborted();
  const { submitted, completed, statuses, startedAt } = seen;
  if (submitted !== undefined) yield* submitChecks(name, model, submitted, startedAt);
  if (completed === undefined) {
    yield {
      check: `${name} video`,
      ok: false,
      detail: context.result.error?.message ?? context.result.status,
    };
    return;
  }
  const isOrdered = isDeepStrictEqual(statuses, [...new Set(ORDER.filter((one) => statuses.includes(one)))]);
  yield { check: `${name} statuses`, ok: isOrdered, detail: statuses.join(' → ') };
  yield* resultChecks(name, model, completed);
  yield await attempt(`${name} file`, async () => {
    const { size } = await stat(context.result.file ?? '');
    return { ok: seen.code === EXIT.done && size > 0, detail: `${context.result.file}, ${size} bytes` };
  });
  yield await attempt(`${name} charge`, () => checkCharge(kling, model, before));
  yield await attempt(`${name} history`, () => checkHistory(kling, model, completed.id));
}

async function observe(context: TaskContext, model: ModelId): Promise<Observation> {
  const { kling } = context;
  const seen: Observation = { startedAt: Date.now(), statuses: [], code: EXIT.done };
  const { onSubmitted, onUpdate } = taskCallbacks(context);
  seen.code = await followTask(context, async () => {
    seen.submitted = await kling.submit(model, SPEND_INPUT, { signal: interrupted, onSubmitted });
    seen.completed = await kling.wait(seen.submitted.id, {
      signal: interrupted,
      onUpdate: (task) => {
        seen.statuses.push(task.status);
        onUpdate(task);
      },
    });
    return seen.completed;
  });
  return seen;
}

function* submitChecks(name: string, model: ModelId, task: Prediction, startedAt: number): Generator<Check> {
  const check = `${name} submit`;
  yield {
    check,
    ok: task.model === model && ORDER.includes(task.status) && typeof task.urls.get === 'string',
    detail: `status ${task.status}, model ${task.model}, ${typeof task.urls.get === 'string' ? 'with' : 'without'} urls.get`,
  };
  const skew = Date.parse(task.created_at) - startedAt;
  yield {
    check: `${name} clock`,
    ok: Math.abs(skew) < CLOCK_TOLERANCE_MS,
    detail: Number.isNaN(skew)
      ? 'created_at is not a time'
      : `created_at ${(skew / 1000).toFixed(1)} s after the submit`,
  };
}

function* resultChecks(name: string, model: ModelId, task: Prediction): Generator<Check> {
  yield {
    check: `${name} result`,
    ok: task.model === model && task.outputs.length === 1 && /^https?:/.test(task.outputs[0] ?? ''),
    detail: `${task.outputs.length} output`,
  };
  yield {
    check: `${name} fields`,
    ok: task.has_nsfw_contents.length > 0 && typeof task.timings.inference === 'number',
    detail: `${task.has_nsfw_contents.length} has_nsfw_contents, timings.inference ${String(task.timings.inference)}`,
  };
}

async function checkCharge(kling: WaveSpeedKling, model: ModelId, before: number) {
  const { discounted_price } = await kling.quote(model, SPEND_INPUT, { signal: interrupted });
  const charged = before - (await kling.balance({ signal: interrupted }));
  const ok = Math.abs(charged - discounted_price) < 0.00005;
  return { ok, detail: `$${Number(charged.toFixed(4))} less on the account, $${discounted_price} quoted` };
}

async function checkHistory(kling: WaveSpeedKling, model: ModelId, id: string) {
  for await (const task of kling.list({ model, include_inputs: true }, { signal: interrupted })) {
    if (task.id !== id) continue;
    const input = task.inputs ?? task.input;
    if (typeof input !== 'object' || input === null) {
      return { ok: true, detail: 'listed without its input: a lost submit cannot be matched' };
    }
    const same = isDeepStrictEqual(parseInput(model, input), parseInput(model, SPEND_INPUT));
    return { ok: same, detail: same ? 'listed with the same input' : 'listed with another input' };
  }
  return { ok: false, detail: 'not listed' };
}
