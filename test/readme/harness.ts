// What the README's snippets import: the library as it is, but for a client that finds an emulator by itself, and the
// names that a snippet takes from the reader's program.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  fileJournal as openJournal,
  WaveSpeedKling as Client,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { type Emulator, startEmulator } from 'wavespeed-kling/testing';

// oxlint-disable-next-line eslint/no-restricted-syntax -- the harness stands in for the whole module
export * from 'wavespeed-kling';

export const emulator: Emulator = await startEmulator({ queueMs: 20, processingMs: 50 });
const clients: Client[] = [];

export class WaveSpeedKling extends Client {
  constructor(options: WaveSpeedKlingOptions = {}) {
    super({ apiKey: emulator.apiKey, baseUrl: emulator.url, ...options });
    clients.push(this);
  }
}

export const kling = new WaveSpeedKling();

const directory = mkdtempSync(join(tmpdir(), 'readme-'));

/** Keeps the snippets' journals out of this directory. */
export const fileJournal = (path: string) => openJournal(join(directory, basename(path)));

/** Stands for the reader's database. */
export const save = (...values: unknown[]): Promise<void> => Promise.resolve(void values);

/** Stands for the reader's input. */
export const input = { prompt: 'A fox in the snow' } as const;

/** Closes the snippets' clients, but for the one that they share. */
export async function closeAll(): Promise<void> {
  await Promise.all(clients.filter((client) => client !== kling).map((client) => client.close()));
}
