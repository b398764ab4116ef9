// One transfer of a large file by one client. Usage: media-client.mjs <client> <up or down> <origin> <directory> <bytes>
//
// Extra memory is the highest resident memory during the transfer, less what the process had after a small one, when
// everything is loaded.
// @ts-nocheck: the clients have different types.
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { report } from './report.mjs';

const [name, direction, origin, directory, bytes] = process.argv.slice(2);
const apiKey = 'benchmark-key';

const clients = {
  async 'wavespeed-kling'() {
    const { WaveSpeedKling } = await import('wavespeed-kling');
    const use = async (work) => {
      // A new client each time: one client uploads the same file only once.
      const kling = new WaveSpeedKling({ apiKey, baseUrl: origin });
      const result = await work(kling);
      await kling.close();
      return result;
    };
    return {
      up: (path) => use((kling) => kling.upload(path)),
      down: (size) =>
        use(async (kling) => (await kling.download(`${origin}/file.mp4?size=${size}`, directory))[0].path),
    };
  },
  async wavespeed() {
    const { Client } = (await import('wavespeed')).default;
    const client = new Client(apiKey, { baseUrl: origin });
    return { up: (path) => client.upload(path) };
  },
  /** The same requests, with nothing around them. */
  async undici() {
    const { request, stream } = await import('undici');
    return {
      async up(path) {
        const ticket = await request(`${origin}/ticket`, { method: 'POST', body: '{}' });
        const { data } = await ticket.body.json();
        const headers = { ...data.upload.headers, 'content-length': String((await stat(path)).size) };
        const answer = await request(data.upload.url, {
          method: 'PUT',
          headers,
          body: createReadStream(path),
        });
        await answer.body.dump();
      },
      async down(size) {
        const path = join(directory, 'bare.mp4');
        await stream(`${origin}/file.mp4?size=${size}`, { method: 'GET' }, () => createWriteStream(path));
        return path;
      },
    };
  },
};

const client = await clients[name]();
async function transfer(size, file) {
  if (direction === 'up') return void (await client.up(join(directory, file)));
  const path = await client.down(size);
  const { size: written } = await stat(path);
  await rm(path);
  if (written !== size) throw new Error(`${name}: ${written} bytes came down, not ${size}`);
}

await transfer(1024, 'small.mp4');
const before = process.memoryUsage.rss();
await writeFile('/proc/self/clear_refs', '5');
const cpu = process.cpuUsage();
const from = performance.now();
await transfer(Number(bytes), 'large.mp4');
const ms = performance.now() - from;
const { user, system } = process.cpuUsage(cpu);
const [, peakKb] = /VmHWM:\s+(\d+) kB/.exec(await readFile('/proc/self/status', 'utf8'));
report({ ms, transferCpuMs: (user + system) / 1000, extraMb: (Number(peakKb) * 1024 - before) / 1024 ** 2 });
process.exit();
