// Measures 100 MB up and down on loopback: this library, the official client and a bare undici stream. Run: node test/bench/media.mjs (after a build).
//
// Each client has a process of its own, so that its memory is its own; the server has another. All take their turn in each
// round, so that a slow moment of the machine meets them all. Extra memory is the highest resident memory of the process
// during all its rounds, less what it had after a small transfer of the same kind, when everything is loaded. Linux
// counts the highest itself; elsewhere it is sampled, which can miss a short peak.
// @ts-nocheck: most of what goes on here goes between processes, where there are no types.
import { fork } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MB = 1024 * 1024;
const SIZE = 100 * MB;
const ROUNDS = Number(process.env.ROUNDS ?? 9);
const KEY = 'benchmark-key';

/** Speaks the two endpoints that the clients use, takes what is put, and gives 100 MB. */
async function serve() {
  const piece = Buffer.alloc(256 * 1024, 7);
  const server = createServer((request, response) => {
    const base = `http://127.0.0.1:${server.address().port}`;
    const url = new URL(request.url, base);
    const size = Number(url.searchParams.get('size') ?? SIZE);
    let received = 0;
    request.on('data', (chunk) => (received += chunk.byteLength));
    request.on('end', () => {
      if (request.method === 'POST') {
        const upload = { method: 'PUT', url: `${base}/put`, headers: { 'content-type': 'video/mp4' } };
        const data = { download_url: `${base}/file.mp4`, upload };
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ code: 200, message: 'success', data }));
        return;
      }
      if (request.method === 'PUT') {
        response.statusCode = received === Number(request.headers['content-length']) ? 200 : 400;
        response.end();
        return;
      }
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': size, etag: '"1"' });
      let left = size;
      const write = () => {
        while (left > 0) {
          const part = left < piece.byteLength ? piece.subarray(0, left) : piece;
          left -= part.byteLength;
          if (!response.write(part)) return void response.once('drain', write);
        }
        response.end();
      };
      write();
    });
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
}

/** Does one transfer each time it is told to, and says how long it took and what memory it has taken so far. */
async function act(name, origin, directory) {
  const client = await clients[name](origin, directory);
  const carryOut = async ({ direction, size, path }) => {
    const cpu = process.cpuUsage();
    const from = performance.now();
    const written = await client[direction](path, size);
    const ms = performance.now() - from;
    const { user, system } = process.cpuUsage(cpu);
    if (written !== undefined) {
      const { size: bytes } = await stat(written);
      if (bytes !== size) throw new Error(`${name}: ${bytes} bytes came down, not ${size}`);
      await rm(written);
    }
    const highest = await peak();
    process.send({ ms, cpuMs: (user + system) / 1000, rss: process.memoryUsage.rss(), highest });
  };
  process.on('message', (message) => void carryOut(message));
  const peak = await watchMemory();
  process.send('ready');
}

/** Gives the means to ask for the highest resident memory since the last time it was asked. */
async function watchMemory() {
  try {
    // The kernel's own count. getrusage's would be the parent's, where that had more.
    await writeFile('/proc/self/clear_refs', '5');
    return async () => {
      const status = await readFile('/proc/self/status', 'utf8');
      await writeFile('/proc/self/clear_refs', '5');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)[1]) * 1024;
    };
  } catch {
    let highest = 0;
    setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 2).unref();
    return async () => {
      const seen = highest;
      highest = 0;
      return seen;
    };
  }
}

const clients = {
  'wavespeed-kling': async (origin, directory) => {
    const { WaveSpeedKling } = await import('../../dist/index.js');
    return {
      up: async (path) => {
        // A new client each time: one client uploads the same file only once.
        const kling = new WaveSpeedKling({ apiKey: KEY, baseUrl: origin });
        await kling.upload(path);
        await kling.close();
      },
      down: async (_path, size) => {
        const kling = new WaveSpeedKling({ apiKey: KEY, baseUrl: origin });
        const [file] = await kling.download(`${origin}/file.mp4?size=${size}`, directory);
        await kling.close();
        return file.path;
      },
    };
  },
  'wavespeed (official)': async (origin) => {
    const { Client } = await import('wavespeed');
    const client = new Client(KEY, { baseUrl: origin });
    return { up: async (path) => void (await client.upload(path)) };
  },
  'bare undici': async (origin, directory) => {
    const { Agent, request, stream } = await import('undici');
    return {
      // The same requests, with nothing around them.
      up: async (path) => {
        const dispatcher = new Agent();
        const ticket = await request(`${origin}/ticket`, { method: 'POST', body: '{}', dispatcher });
        const { data } = await ticket.body.json();
        const { size } = await stat(path);
        const headers = { ...data.upload.headers, 'content-length': String(size) };
        const body = createReadStream(path);
        const answer = await request(data.upload.url, { method: 'PUT', headers, body, dispatcher });
        await answer.body.dump();
        await dispatcher.close();
      },
      down: async (_path, size) => {
        const dispatcher = new Agent();
        const path = join(directory, 'bare.mp4');
        await stream(`${origin}/file.mp4?size=${size}`, { method: 'GET', dispatcher }, () =>
          createWriteStream(path),
        );
        await dispatcher.close();
        return path;
      },
    };
  },
};

async function compare() {
  const directory = await mkdtemp(join(tmpdir(), 'media-bench-'));
  const server = await start('server');
  const origin = `http://127.0.0.1:${server.said}`;
  try {
    const large = await makeVideo(join(directory, 'large.mp4'), SIZE);
    const small = await makeVideo(join(directory, 'small.mp4'), MB);
    for (const direction of ['up', 'down']) {
      const runs = [];
      for (const name of Object.keys(clients)) {
        if (direction === 'down' && name.includes('official')) continue;
        // Each with a process for each direction: what one left in memory must not hide what the other takes.
        const { child } = await start('client', name, origin, directory);
        const before = await tell(child, { direction, size: MB, path: small });
        runs.push({ name, child, before, times: [], cpu: [], peak: 0 });
      }
      for (let round = 0; round < ROUNDS; round++) {
        const turn = [...runs.slice(round % runs.length), ...runs.slice(0, round % runs.length)];
        for (const run of turn) {
          const { ms, cpuMs, highest } = await tell(run.child, { direction, size: SIZE, path: large });
          run.times.push(ms);
          run.cpu.push(cpuMs);
          run.peak = Math.max(run.peak, highest - run.before.rss);
        }
      }
      report(direction, runs);
      for (const { child } of runs) child.kill();
    }
  } finally {
    server.child.kill();
    await rm(directory, { recursive: true });
  }
}

function report(direction, runs) {
  const bare = median(runs.find(({ name }) => name.startsWith('bare')).times);
  console.log(`\n100 MB ${direction}, ${ROUNDS} rounds, Node ${process.version}`);
  console.table(
    Object.fromEntries(
      runs.map(({ name, times, cpu, peak }) => [
        name,
        {
          'median ms': Math.round(median(times)),
          'MB/s': Math.round(SIZE / MB / (median(times) / 1000)),
          'throughput against bare undici': Number((bare / median(times)).toFixed(2)),
          'CPU ms': Math.round(median(cpu)),
          'extra memory MB': Number((peak / MB).toFixed(1)),
        },
      ]),
    ),
  );
}

/** Writes a file that begins as an MP4 does. */
async function makeVideo(path, size) {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(MB, 1);
  for (let at = 0; at < size; at += piece.byteLength) await file.write(piece);
  await file.write(Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isommp42', 'latin1'), 0, 24, 0);
  await file.close();
  // Once, so that the first to read it is at no disadvantage.
  await readFile(path);
  return path;
}

async function start(...args) {
  const child = fork(fileURLToPath(import.meta.url), args);
  const said = await new Promise((resolve, reject) => {
    const onExit = (code) => reject(new Error(`${args.join(' ')} ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
  return { child, said };
}

function tell(child, message) {
  return new Promise((resolve, reject) => {
    const onExit = (code) => reject(new Error(`a client ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (said) => {
      child.off('exit', onExit);
      resolve(said);
    });
    child.send(message);
  });
}

function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

const roles = { server: serve, client: act };
const [role, ...rest] = process.argv.slice(2);
await (role === undefined ? compare() : roles[role](...rest));
