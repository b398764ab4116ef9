/** Runs the recipes of docs/scaling.md as they are printed there, on a journal in PGlite and an emulator. */
import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { WaveSpeedKling } from 'wavespeed-kling';
import { sqlJournal, sqlSchema } from 'wavespeed-kling/sql';
import { type Emulator, startEmulator } from 'wavespeed-kling/testing';

const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8');

/** The code under a heading; the second one with `index` 1. */
export function getSnippet(heading: string, index = 0): string {
  const section = page.slice(page.indexOf(`\n${heading}\n`)).split(/\n##+ /)[1] ?? '';
  const code = [...section.matchAll(/^```js\n([\s\S]*?)^```$/gm)][index]?.[1];
  if (code === undefined) throw new Error(`docs/scaling.md has no code under ${heading}`);
  return code;
}

/** Makes a function of a snippet, which may use the names. Imports and exports are left out. */
export function compile(code: string, names: Record<string, unknown>, result: string): Promise<unknown> {
  const AsyncFunction = (async () => undefined).constructor as FunctionConstructor;
  const body = code.replace(/^import .*$/gm, '').replace(/^export (?:default )?/gm, '');
  return new AsyncFunction(...Object.keys(names), `${body}\nreturn ${result};`)(...Object.values(names));
}

export interface Bench {
  emulator: Emulator;
  /** A client with the journal of the page. */
  kling: WaveSpeedKling;
  pool: PGlite;
  close: () => Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const pool = await PGlite.create();
  const emulator = await startEmulator({ queueMs: 1, processingMs: 1 });
  const { apiKey, baseUrl } = emulator;
  class Client extends WaveSpeedKling {
    constructor(options: object) {
      super({ apiKey, baseUrl, pollIntervalMs: 20, ...options });
    }
  }
  const names = { pool, sqlJournal, sqlSchema, WaveSpeedKling: Client };
  const kling = (await compile(
    getSnippet('## The same journal elsewhere'),
    names,
    'kling',
  )) as WaveSpeedKling;
  const close = async () => {
    await kling.close();
    await emulator.close();
    await pool.close();
  };
  return { emulator, kling, pool, close };
}

/** The submit is accepted and stored; the first poll of it says that the key was revoked. */
export function failFirstPoll(emulator: Emulator): void {
  // On a slow machine the task may have ended when its submit is answered, and would not be polled.
  const patch = (data: unknown) => ({ ...(data as object), status: 'created', outputs: [] });
  emulator.fail({ on: 'submit', kind: 'data', patch });
  emulator.fail({ on: 'result', kind: 'status', status: 401 });
}
