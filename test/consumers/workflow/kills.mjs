// Kills the process of a step while its submit is under way, and repeats the step, as a workflow does: one payment each.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { startEmulator } from 'wavespeed-kling/testing';

const emulator = await startEmulator({ queueMs: 10, processingMs: 10 });
const env = { ...process.env, WAVESPEED_API_KEY: emulator.apiKey, WAVESPEED_BASE_URL: emulator.url };
const startStep = (id) =>
  spawn(process.execPath, ['step.mjs', id], { env, stdio: ['ignore', 'pipe', 'inherit'] });
const submits = () => emulator.requestCount({ operation: 'submit' });

try {
  for (let round = 1; round <= 5; round++) {
    const id = `step-${round}`;
    emulator.fail({ on: 'submit', kind: 'delay', ms: 10_000 });
    const killed = startStep(id);
    while (submits() < round) await delay(20);
    killed.kill('SIGKILL');
    await once(killed, 'exit');

    const repeated = startStep(id);
    let output = '';
    repeated.stdout.on('data', (chunk) => (output += chunk));
    const [code] = await once(repeated, 'close');
    assert.equal(code, 0);
    assert.equal(output.trim(), emulator.account.tasks.at(-1)?.id);
    assert.equal(submits(), round, 'a repeated step does not submit again');
    assert.equal(emulator.account.tasks.length, round);
  }
} finally {
  await emulator.close();
}
