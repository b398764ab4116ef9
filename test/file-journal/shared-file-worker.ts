/** A process on a file journal, driven by lines on stdin: `open`, `run KEY`. Answers each with a line of JSON. */
import { createInterface } from 'node:readline';
import { fileJournal, KLING_O3_STD, WaveSpeedKling } from '../../src/index.js';

const [path = '', baseUrl = '', name = ''] = process.argv.slice(2);
const journal = fileJournal(path);
const kling = new WaveSpeedKling({ apiKey: 'test-key', baseUrl, journal, pollIntervalMs: 10 });

const run = async (key: string) =>
  (await kling.run(KLING_O3_STD, { prompt: key }, { idempotencyKey: key })).id;
for await (const line of createInterface({ input: process.stdin })) {
  const [command, key = ''] = line.split(' ');
  const answer = await run(command === 'open' ? `opened by ${name}` : key).then(
    (id) => ({ id }),
    (error: Error) => ({ error: error.name, message: error.message }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await journal.close();
await kling.close();
