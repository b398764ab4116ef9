// The emulator in a process of its own, with a clock that runs several times as fast as the real one.
// Usage: scale-service.mjs <milliseconds of a task, by its clock> <speed>
// @ts-nocheck: what goes between processes has no types.
import { startEmulator } from 'wavespeed-kling/testing';

const [taskMs, speed] = process.argv.slice(2).map(Number);
const settings = { queueMs: 1000, processingMs: taskMs - 1000, balance: 1e9, returnInput: false };
const emulator = await startEmulator(settings);
const STEP_MS = 100;
setInterval(() => emulator.clock.advance(STEP_MS * (speed - 1)), STEP_MS);
process.send({ url: emulator.url, apiKey: emulator.apiKey, secret: emulator.webhookSecret });
process.on('message', () =>
  process.send({
    polls: emulator.requestCount({ operation: 'result' }),
    submits: emulator.requestCount({ operation: 'submit' }),
  }),
);
