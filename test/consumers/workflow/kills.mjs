// Kills the process of a workflow while its submit is under way; the workflow's own runtime takes it up: one payment each.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { buildWorkflowTests } from '@workflow/vitest';
import { startEmulator } from 'wavespeed-kling/testing';
import { startWebhookServer } from './webhook-server.mjs';

await buildWorkflowTests();
const emulator = await startEmulator({ queueMs: 10, processingMs: 3_600_000, webhookRetryMs: 500 });
// Webhooks come to the same address after a restart.
const port = await startWebhookServer(0).then(async (server) => {
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
});
const env = {
  ...process.env,
  WAVESPEED_API_KEY: emulator.apiKey,
  WAVESPEED_BASE_URL: emulator.url,
  // How long the runtime takes a step for running whose process says nothing; 860 by default.
  WORKFLOW_INLINE_OWNERSHIP_LEASE_SECONDS: '1',
};
const submits = () => emulator.requestCount({ operation: 'submit' });

/** Starts a process, and reads its lines. */
function startWorker(...args) {
  const child = spawn(process.execPath, ['worker.mjs', String(port), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, nextLine: async () => (await lines.next()).value };
}

try {
  for (let round = 1; round <= 3; round++) {
    emulator.fail({ on: 'submit', kind: 'delay', ms: 60_000 });
    const first = startWorker();
    const runId = await first.nextLine();
    while (submits() < round) await delay(20);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');

    const second = startWorker(runId);
    assert.equal(await second.nextLine(), runId);
    const task = emulator.account.tasks.at(-1);
    task.complete();
    assert.match(await second.nextLine(), new RegExp(`/outputs/${task.id}/`));
    assert.equal(submits(), round, 'a repeated step does not submit again');
    assert.equal(emulator.account.tasks.length, round);
  }
} finally {
  await emulator.close();
}
