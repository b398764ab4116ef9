// A process of the workflow: starts the workflow, or (with a run's id) takes up what the process before it left.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createWorld } from '@workflow/world-local';
import { fileJournal, WaveSpeedKling } from 'wavespeed-kling';
import { registerClient } from 'wavespeed-kling/ai-sdk';
import { getRun, start } from 'workflow/api';
import { setWorld } from 'workflow/runtime';
import { startWebhookServer } from './webhook-server.mjs';

const [port, runId] = process.argv.slice(2);
await startWebhookServer(Number(port));
registerClient(
  'main',
  new WaveSpeedKling({
    journal: fileJournal('journal.jsonl'),
    idempotency: { leaseMs: 500, settleMs: 500 },
    requestTimeoutMs: 2000,
  }),
);
// The world of @workflow/vitest, but it takes up unfinished runs, as a server does.
const world = createWorld({ dataDir: '.workflow-data', recoverActiveRuns: true });
const { POST } = await import(pathToFileURL(join('.workflow-vitest', 'combined.mjs')).href);
world.registerHandler('__wkf_workflow_', POST);
await world.start();
setWorld(world);

const run =
  runId === undefined
    ? await start({ workflowId: 'workflow//./workflows/video//makeVideo' }, ['A fox'])
    : getRun(runId);
console.log(run.runId);
const [{ url }] = await run.returnValue;
console.log(url);
process.exit();
