import { expect, test } from 'vitest';
import { killProcesses } from './journal-kills.js';

/** `npm run chaos:journal` sets more. */
const KILLS = Number(process.env.CHAOS_KILLS ?? 15);

test(
  'pays once for each key while the processes on a file journal are killed',
  { timeout: 900_000 },
  async () => {
    const keys = KILLS * 3;
    const report = await killProcesses({ kills: KILLS, keys, prompts: Math.ceil(keys / 3) });
    if (KILLS > 15) process.stdout.write(`${JSON.stringify(report)}\n`);
    expect(report.failures).toEqual([]);
    expect(report.tasks).toBe(keys);
    expect(report.claimed).toBe(keys);
    // The first process is killed with a POST in flight, whatever the machine does.
    expect(report.killsInFlight).toBeGreaterThan(0);
  },
);
