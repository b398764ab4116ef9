import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runChaos } from './chaos.js';
import { createFileStore } from './file-store.js';

/** `npm run chaos:journal` sets more; `CHAOS_SEED` repeats the choices of a run. */
const KILLS = Number(process.env.CHAOS_KILLS ?? 8);
const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));

test(
  'pays once for each key on a file journal while processes, the file and the service fail at random',
  { timeout: 1_800_000 },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'journal-chaos-'));
    try {
      const keys = KILLS * 4;
      const store = await createFileStore(join(directory, 'journal.jsonl'));
      const report = await runChaos(store, { kills: KILLS, keys, prompts: Math.ceil(keys / 3), seed: SEED });
      if (process.env.CHAOS_KILLS !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`);
      expect(report, `CHAOS_SEED=${SEED}`).toMatchObject({ failures: [], tasks: keys, claimed: keys });
      // The first process is killed with a POST in flight, whatever the machine does.
      expect(report.killsInFlight).toBeGreaterThan(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
