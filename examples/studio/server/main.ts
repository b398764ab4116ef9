/** Starts the studio: opens its data, finds its service, takes unfinished tasks up again, and prints its address. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { fileJournal, WaveSpeedKling } from 'wavespeed-kling';
import { createApp } from './app.js';
import { Budget } from './budget.js';
import { startStudioEmulator } from './emulator.js';
import { Events } from './events.js';
import { ReferenceFiles } from './files.js';
import { History } from './history.js';
import { readSettings } from './settings.js';
import { TaskStore } from './store.js';
import { Tasks } from './tasks.js';
import { Uploads } from './uploads.js';
import { Views } from './views.js';
import { Webhooks } from './webhooks.js';

const settings = readSettings(process.env);
const inData = (name: string) => join(settings.dataDirectory, name);
const store = await TaskStore.open(inData('tasks'));
const files = await ReferenceFiles.open(inData('files'));
const emulator = settings.mode === 'emulator' ? await startStudioEmulator(store.all()) : undefined;
const baseUrl = emulator?.baseUrl ?? settings.baseUrl;
const journal = fileJournal(inData('journal.jsonl'));
const kling = new WaveSpeedKling({
  apiKey: emulator?.apiKey ?? settings.apiKey,
  baseUrl,
  journal,
  clientName: 'wavespeed-kling-studio',
  // A server on this machine is quick: what it has not answered by then is lost, and in its history.
  ...(settings.mode !== 'live' && { requestTimeoutMs: 4000, idempotency: { leaseMs: 3000, settleMs: 1000 } }),
});

// The port is known before anything is followed: webhooks come to it.
let handle: (request: Request) => Response | Promise<Response> = () => new Response(null, { status: 503 });
const server = serve({ fetch: (request) => handle(request), port: settings.port, hostname: '127.0.0.1' });
await new Promise<void>((resolve, reject) => {
  server.once('listening', resolve);
  server.once('error', reject);
});
const address = server.address();
const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : settings.port}`;

const videoDirectory = inData('videos');
const budget = await Budget.open(inData('budget.json'));
const events = new Events();
const uploads = new Uploads(kling, files);
const views = new Views(uploads, videoDirectory);
// A service on this machine reaches this server as it is.
const webhooks = new Webhooks(kling, settings.mode === 'live' ? settings.publicUrl : url);
const history = new History(kling, store, views, events);
// As often as the service recommends; a server on this machine more often.
const pollIntervalMs = settings.mode === 'live' ? 3000 : 500;
const tasks = new Tasks({ kling, store, files, budget, events, views, uploads, webhooks, pollIntervalMs });
handle = createApp({
  kling,
  settings,
  host:
    emulator === undefined ? new URL(baseUrl ?? 'https://api.wavespeed.ai').host : 'the built-in emulator',
  emulator,
  store,
  files,
  budget,
  tasks,
  history,
  events,
  views,
  webhooks,
  videoDirectory,
  pageDirectory: fileURLToPath(new URL('./page', import.meta.url)),
}).fetch as typeof handle;
tasks.resume();
console.log(url);
console.error(
  settings.mode === 'emulator'
    ? 'The studio runs on the built-in emulator: nothing is charged. Ctrl-C ends it.'
    : `The studio runs on ${baseUrl ?? 'the live service'}: videos may cost money. Ctrl-C ends it.`,
);

async function stop(): Promise<void> {
  events.close();
  history.close();
  await tasks.close();
  server.close();
  await kling.close();
  await journal.close();
  await emulator?.close();
  process.exit(0);
}
process.once('SIGINT', () => void stop());
process.once('SIGTERM', () => void stop());
