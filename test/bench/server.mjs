// A service of its own, in a process of its own, in the clear and over TLS: each task ends after a time drawn from a range.
// Usage: server.mjs <least ms> <most ms> [<key file> <certificate file>]
// @ts-nocheck: what goes between processes has no types.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

const [least = 0, most = 0, keyFile, certFile] = process.argv.slice(2);
const MODEL = 'kwaivgi/kling-video-o3-std/reference-to-video';
const tasks = new Map();
let polls = 0;
let base = '';

// A fixed seed: each client gets the same times.
let seed = 1;
const random = () => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
};

function create(id) {
  const createdAt = Date.now();
  const task = { createdAt, endsAt: createdAt + Number(least) + random() * (most - least) };
  tasks.set(id, task);
  return task;
}

/** A task that was not submitted begins with its first poll. */
function describe(id) {
  const { createdAt, endsAt } = tasks.get(id) ?? create(id);
  const hasEnded = Date.now() >= endsAt;
  return {
    id,
    model: MODEL,
    status: hasEnded ? 'completed' : Date.now() - createdAt < 1000 ? 'created' : 'processing',
    outputs: hasEnded ? [`${base}/outputs/${id}/1.mp4`] : [],
    urls: { get: `${base}/api/v3/predictions/${id}/result` },
    has_nsfw_contents: hasEnded ? [false] : [],
    created_at: new Date(createdAt).toISOString(),
    error: '',
    timings: { inference: hasEnded ? endsAt - createdAt : 0 },
  };
}

function respond(request, response) {
  const id = /predictions\/([^/]+)\/result/.exec(request.url)?.[1];
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    let data;
    if (id !== undefined) {
      polls++;
      data = describe(id);
    } else {
      const task = `task-${tasks.size}-${Math.random().toString(36).slice(2)}`;
      data = describe(task);
    }
    const body = JSON.stringify({ code: 200, message: 'success', data });
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  });
}

const options = { keepAliveTimeout: 60_000 };
const server =
  keyFile === undefined
    ? createServer(options, respond)
    : createTlsServer({ ...options, key: readFileSync(keyFile), cert: readFileSync(certFile) }, respond);
server.listen(0, '127.0.0.1', () => {
  base = `${keyFile === undefined ? 'http' : 'https'}://localhost:${server.address().port}`;
  process.send(base);
});

process.on('message', () => {
  process.send({ polls, ended: [...tasks].map(([id, { endsAt }]) => [id, endsAt]) });
  tasks.clear();
  polls = 0;
  seed = 1;
});
