// One client in a process of its own: runs so many tasks at once and tells what it cost.
import { readFileSync } from 'node:fs';

const [name = '', url = '', apiKey = '', count = ''] = process.argv.slice(2);
const MODEL = 'kwaivgi/kling-video-o3-std/reference-to-video';
const input = { prompt: 'A fox in the snow' };

/** @returns {Promise<() => Promise<string>>} what runs one task and gives the URL of its video */
async function load() {
  if (name === 'wavespeed') {
    // CommonJS: Node gives its exports as the default.
    const { Client } = /** @type {any} */ (await import('wavespeed')).default;
    const client = new Client(apiKey, { baseUrl: url });
    return async () => String((await client.run(MODEL, input)).outputs[0]);
  }
  const { WaveSpeedKling } = await import('wavespeed-kling');
  const kling = new WaveSpeedKling({ apiKey, baseUrl: url });
  return async () => (await kling.run(MODEL, input)).outputs[0];
}

/** Peak of the resident memory in MB: the kernel's own count, which no parent has a part in. */
function peakMemory() {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line) return Number(line[1]) / 1024;
  } catch {
    // Not on Linux.
  }
  return process.resourceUsage().maxRSS / 1024;
}

const run = await load();
const before = process.cpuUsage();
const noticed = await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const output = await run();
    return [output, Date.now()];
  }),
);
const { user, system } = process.cpuUsage(before);
process.send?.({ noticed, cpuMs: (user + system) / 1000, peakMb: peakMemory() }, () => process.exit());
