// The emulator in a process of its own. Usage: emulator.mjs <options as JSON> [<how fast its clock runs>]
// @ts-nocheck: what goes between processes has no types.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const STEP_MS = 100;

/** Starts it, for tasks of so many milliseconds by its clock. */
export async function startEmulatorProcess(taskMs, options = {}, speed = 1) {
  const settings = { queueMs: 500, processingMs: taskMs - 500, balance: 1e9, returnInput: false, ...options };
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(settings), String(speed)]);
  const [{ url, apiKey, secret }] = await once(child, 'message');
  return {
    url,
    apiKey,
    secret,
    /** Numbers of requests so far. */
    async count() {
      child.send('count');
      return (await once(child, 'message'))[0];
    },
    stop: () => child.kill(),
  };
}

async function serve(settings, speed) {
  const { startEmulator } = await import('wavespeed-kling/testing');
  const emulator = await startEmulator(settings);
  if (speed > 1) setInterval(() => emulator.clock.advance(STEP_MS * (speed - 1)), STEP_MS);
  process.send({ url: emulator.url, apiKey: emulator.apiKey, secret: emulator.webhookSecret });
  process.on('message', () =>
    process.send({
      polls: emulator.requestCount({ operation: 'result' }),
      submits: emulator.requestCount({ operation: 'submit' }),
      tasks: emulator.account.tasks.length,
    }),
  );
  process.once('disconnect', () => process.exit());
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await serve(JSON.parse(process.argv[2]), Number(process.argv[3]));
