// What the bench of journals measures, each in a process of its own. Usage: journal-program.mjs <what> <file> [<count>]
// @ts-nocheck: journals of several databases.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const [what, file, given] = process.argv.slice(2);
const count = Number(given);
const model = 'kwaivgi/kling-video-o3-std/reference-to-video';

/** The entry of an ended task. */
export function makeEntry(index) {
  const predictionId = index.toString(16).padStart(32, '0');
  const prediction = {
    id: predictionId,
    model,
    status: 'completed',
    outputs: [`https://cdn.example.com/predictions/${predictionId}/1.mp4`],
    urls: { get: `https://api.wavespeed.ai/api/v3/predictions/${predictionId}/result` },
    has_nsfw_contents: [false],
    created_at: '2026-11-01T10:00:00.123456789Z',
    error: '',
    timings: { inference: 81_234 },
  };
  return { fingerprint: 'f'.repeat(64), model, attempt: 1, state: 'ended', predictionId, prediction };
}

const work = {
  async fill() {
    const { fileJournal } = await import('wavespeed-kling');
    const journal = fileJournal(file);
    await Promise.all(
      Array.from({ length: count }, (_, index) => journal.put(`order-${index}`, makeEntry(index))),
    );
    await journal.close();
  },
  async load() {
    await import('wavespeed-kling');
  },
  async open() {
    const { fileJournal } = await import('wavespeed-kling');
    const journal = fileJournal(file);
    if ((await journal.get(`order-${count - 1}`))?.entry.state !== 'ended') throw new Error('lost an entry');
    await journal.close();
  },
  async parse() {
    await import('wavespeed-kling');
    let read = 0;
    for await (const line of createInterface({ input: createReadStream(file) }))
      if (JSON.parse(line).key) read += 1;
    if (read !== count) throw new Error(`read ${read} lines`);
  },
};

await work[what]();
