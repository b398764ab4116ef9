// The recipe of docs/scaling.md for pg-boss, as it is printed there, on PGlite.
import PgBoss from 'pg-boss';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KLING_O1 } from 'wavespeed-kling';
import { type Bench, compile, failFirstPoll, getSnippet, startBench } from './support.js';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench?.close());

test('a job of pg-boss whose first attempt failed after its submit makes one task', async () => {
  const { emulator, kling, pool } = bench;
  failFirstPoll(emulator);
  const boss = new PgBoss({
    db: {
      executeSql: async (text, values) =>
        values?.length > 0 ? pool.query(text, values) : ((await pool.exec(text)).at(-1) ?? { rows: [] }),
    },
    supervise: false,
    schedule: false,
  });
  await boss.start();
  try {
    const id = (await compile(getSnippet('### pg-boss'), { boss, kling, KLING_O1 }, 'id')) as string;
    await vi.waitFor(async () => expect((await boss.getJobById('videos', id))?.state).toBe('completed'), {
      interval: 100,
    });
    const job = await boss.getJobById('videos', id);
    expect(job?.retryCount).toBe(1);
    expect(job?.output).toMatchObject({ id: emulator.account.tasks[0]?.id, status: 'completed' });
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
  } finally {
    await boss.stop({ graceful: false });
  }
});
