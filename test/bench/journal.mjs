// Opens a file journal of 100,000 keys, beside a program that only reads the lines and parses them. Run: node test/bench/journal.mjs (after a build).
//
// Each has a process of its own, in turn: a slow moment of the machine meets both. CPU and memory are of the whole process, less those of
// one that only loads the library.
// @ts-nocheck: what goes between processes has no types.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const KEYS = 100_000;
const ROUNDS = 5;
const [what, path] = process.argv.slice(2);

const prediction = (id) => ({
  id,
  model: 'kwaivgi/kling-video-o3-std/reference-to-video',
  status: 'completed',
  outputs: [`https://cdn.example.com/predictions/${id}/1.mp4`],
  urls: { get: `https://api.wavespeed.ai/api/v3/predictions/${id}/result` },
  has_nsfw_contents: [false],
  created_at: '2026-11-01T10:00:00.123456789Z',
  error: '',
  timings: { inference: 81_234 },
});

const work = {
  async fill() {
    const { fileJournal } = await import('wavespeed-kling');
    const journal = fileJournal(path);
    const common = { fingerprint: 'f'.repeat(64), model: prediction('').model, attempt: 1 };
    await Promise.all(
      Array.from({ length: KEYS }, (_, index) => {
        const predictionId = index.toString(16).padStart(32, '0');
        const entry = { ...common, state: 'ended', predictionId, prediction: prediction(predictionId) };
        return journal.put(`order-${index}`, entry);
      }),
    );
    await journal.close();
  },
  async load() {
    await import('wavespeed-kling');
  },
  async open() {
    const { fileJournal } = await import('wavespeed-kling');
    const journal = fileJournal(path);
    if ((await journal.get(`order-${KEYS - 1}`))?.entry.state !== 'ended') throw new Error('lost an entry');
    await journal.close();
  },
  async parse() {
    await import('wavespeed-kling');
    let count = 0;
    for await (const line of createInterface({ input: createReadStream(path) }))
      if (JSON.parse(line).key) count += 1;
    if (count !== KEYS) throw new Error(`read ${count} lines`);
  },
};

if (what !== undefined) {
  const startedAt = performance.now();
  await work[what]();
  const { user, system } = process.cpuUsage();
  const ms = performance.now() - startedAt;
  process.send?.({ ms, cpuMs: (user + system) / 1000, peakMb: process.resourceUsage().maxRSS / 1024 });
} else {
  const folder = await mkdtemp(join(tmpdir(), 'journal-bench-'));
  const file = join(folder, 'journal.jsonl');
  const run = async (name) => (await once(fork(fileURLToPath(import.meta.url), [name, file]), 'message'))[0];
  const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
  await run('fill');
  const results = { load: [], open: [], parse: [] };
  for (let round = 0; round < ROUNDS; round++)
    for (const name in results) results[name].push(await run(name));
  const of = (name, key) => median(results[name].map((result) => result[key]));
  const { size } = await stat(file);
  console.log(
    `${KEYS} keys, ${(size / 1e6).toFixed(0)} MB\n\n| | open the journal | read and parse lines | ratio |\n|---|---|---|---|`,
  );
  for (const [title, key, unit] of [
    ['Time', 'ms', 'ms'],
    ['CPU', 'cpuMs', 'ms'],
    ['Memory', 'peakMb', 'MB'],
  ]) {
    const [ours, other] = ['open', 'parse'].map((name) => of(name, key) - of('load', key));
    console.log(
      `| ${title} | ${ours.toFixed(0)} ${unit} | ${other.toFixed(0)} ${unit} | ${(ours / other).toFixed(2)} |`,
    );
  }
  console.log(`\nMemory of the whole process: ${of('open', 'peakMb').toFixed(0)} MB`);
  await rm(folder, { recursive: true });
}
