// The OpenTelemetry recipe of docs/observability.md, as it stands there, with the real SDK.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { KLING_O3_STD, PredictionFailedError } from 'wavespeed-kling';
import { clientOn, done, envelope, failure, isSubmit, task } from '../support/client.js';

const exporter = new InMemorySpanExporter();
const root = fileURLToPath(new URL('../..', import.meta.url));

beforeAll(async () => {
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  const docs = readFileSync(join(root, 'docs/observability.md'), 'utf8');
  const recipe = /^```ts\n([\s\S]*?)^```$/m.exec(docs)?.[1] ?? '';
  expect(recipe.trim().split('\n').length).toBeLessThanOrEqual(36);
  // Beside this test, so that its imports resolve.
  const folder = mkdtempSync(join(root, 'test/observability/out-'));
  const file = join(folder, 'recipe.ts');
  writeFileSync(file, recipe);
  await import(/* @vite-ignore */ file).finally(() => rmSync(folder, { recursive: true }));
});

afterEach(() => exporter.reset());

const spans = () => exporter.getFinishedSpans();

test('a run is one span, from its start to its end, with model, cost and task, and without the prompt', async () => {
  const { kling } = clientOn((request) => envelope(isSubmit(request) ? task() : done()));
  await kling.run(KLING_O3_STD, { prompt: 'A secret fox', duration: 8 }, { pollIntervalMs: 1 });
  expect(spans()).toHaveLength(1);
  const [span] = spans();
  expect(span?.name).toBe('wavespeed-kling run');
  expect(span?.attributes).toEqual({
    model: KLING_O3_STD,
    cost: 0.672,
    predictionId: 'task-1',
    status: 'completed',
  });
  expect(span?.events.map(({ name }) => name)).toEqual(['submit']);
  expect(span?.ended).toBe(true);
  expect(JSON.stringify([span?.attributes, span?.events])).not.toMatch(/secret|test-key|https?:/);
});

test('a wait links to the submit that it resumes', async () => {
  const { kling } = clientOn((request) => envelope(isSubmit(request) ? task() : done()));
  const { id } = await kling.submit(KLING_O3_STD, { prompt: 'A fox' });
  await kling.wait(id, { pollIntervalMs: 1 });
  const [submit, wait] = spans();
  expect([submit?.name, wait?.name]).toEqual(['wavespeed-kling submit', 'wavespeed-kling wait']);
  expect(submit?.links).toEqual([]);
  expect(wait?.links.map(({ context }) => context.spanId)).toEqual([submit?.spanContext().spanId]);
});

test('a watch that is left is a span that ended with an abort', async () => {
  const { kling } = clientOn(() => envelope(task()));
  for await (const seen of kling.watch('task-1', { pollIntervalMs: 1 })) if (seen.status === 'created') break;
  expect(spans().map(({ name, status }) => [name, status.code])).toEqual([
    ['wavespeed-kling watch', SpanStatusCode.ERROR],
  ]);
});

test('concurrent runs keep their spans apart, and a failed task is an error', async () => {
  let count = 0;
  const { kling } = clientOn((request) => {
    if (isSubmit(request)) return envelope(task({ id: `task-${++count}` }));
    const id = request.path.split('/').at(-2);
    return envelope(id === 'task-1' ? task({ id, status: 'failed', error: 'no' }) : done({ id }));
  });
  const run = (prompt: string) => kling.run(KLING_O3_STD, { prompt }, { pollIntervalMs: 1 });
  await Promise.all([failure(run('A'), PredictionFailedError), run('B'), run('C')]);
  const ended = spans().map(({ attributes, status }) => [attributes.predictionId, status.code]);
  expect(Object.fromEntries(ended)).toEqual({
    'task-1': SpanStatusCode.ERROR,
    'task-2': SpanStatusCode.UNSET,
    'task-3': SpanStatusCode.UNSET,
  });
});
