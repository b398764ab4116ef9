// The emulator in a process of its own: ends each task after a time drawn from a range, and tells when each ended.
import { startEmulator } from 'wavespeed-kling/testing';

const [least = 0, most = 0] = process.argv.slice(2).map(Number);
const emulator = await startEmulator({ balance: 1e6, queueMs: 1000, processingMs: 1e9 });
/** @type {Map<string, number>} */
const ended = new Map();
let known = 0;

// A fixed seed: both clients get the same times.
let seed = 1;
const random = () => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
};

setInterval(() => {
  const { tasks } = emulator.account;
  for (; known < tasks.length; known++) {
    const { id } = /** @type {{ id: string }} */ (tasks[known]);
    setTimeout(
      () => {
        emulator.task(id).complete();
        ended.set(id, Date.now());
      },
      least + random() * (most - least),
    );
  }
}, 5);

process.on('message', (message) => {
  if (message === 'reset') seed = 1;
  const operations = emulator.requests.map(({ operation }) => operation);
  const submits = operations.filter((operation) => operation === 'submit').length;
  process.send?.({ requests: operations.length - submits, ended: [...ended] });
  if (message === 'reset') {
    /** @type {unknown[]} */ (emulator.requests).length = 0;
    ended.clear();
  }
});
process.send?.({ url: emulator.url, apiKey: emulator.apiKey });
