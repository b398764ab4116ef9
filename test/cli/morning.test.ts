// A marketing desk's morning: a spreadsheet of 300 rows with three images each, two kills, ten failures, a retry, and a
// report of what was spent that agrees with the account to the cent.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parseLines, setUp } from './support.js';

const ROWS = 300;
/** One in thirty fails. */
const FAILING = (index: number) => index % 30 === 7;
const HOUR = 60 * 60_000;

const sku = (index: number) => `SKU-${String(index + 1).padStart(4, '0')}`;
const durationOf = (index: number) => 3 + (index % 10);

interface Report {
  charged: number;
  refunded: number;
  findings: { finding: string }[];
}

/** A spreadsheet as it is exported, beside a folder of images. */
function writeSheet(directory: string): void {
  const png = readFileSync(new URL('../../examples/images/front.jpg', import.meta.url)).subarray(0, 2000);
  mkdirSync(join(directory, 'images'));
  const rows = Array.from({ length: ROWS }, (_, index) => {
    const images = ['front', 'side', 'back'].map((side) => {
      const path = `images/${sku(index)}-${side}.jpg`;
      writeFileSync(join(directory, path), Buffer.concat([png, Buffer.from(path)]));
      return path;
    });
    const prompt = `"Product ${index + 1}, ""on a table"", in the morning light"`;
    return [sku(index), 'o3-std', prompt, ...images, durationOf(index), index % 2 === 0 ? 'TRUE' : ''].join(
      ',',
    );
  });
  const header = 'key,model,prompt,image1,image2,image3,duration,sound';
  writeFileSync(join(directory, 'morning.csv'), `\uFEFF${[header, ...rows].join('\r\n')}\r\n`);
}

test('a morning of a marketing desk: each video is paid once, and the report agrees with the account', async () => {
  // Tasks run until the test ends them, so that nothing depends on the speed of the machine.
  const { emulator, directory, start, run } = await setUp({ balance: 500, processingMs: 24 * HOUR });
  writeSheet(directory);
  const { account } = emulator;
  const batch = ['batch', 'morning.csv', '--journal', 'morning.journal', '-o', 'out'];
  const reaches = (count: number) =>
    vi.waitFor(() => expect(account.tasks.length).toBe(count), { interval: 20 });

  const first = start([...batch, '--concurrency', '80']);
  await reaches(80);
  first.kill('SIGKILL');
  await first.ended;

  const second = start([...batch, '--concurrency', '200']);
  await reaches(200);
  second.kill('SIGKILL');
  await second.ended;

  const failed = new Set<string>();
  const ended = new Set<string>();
  const settle = setInterval(() => {
    for (const task of account.tasks) {
      if (ended.has(task.id)) continue;
      ended.add(task.id);
      const index = Number(/^Product (\d+),/.exec(String(task.input['prompt']))?.[1]) - 1;
      if (FAILING(index) && failed.size < 10) {
        failed.add(task.id);
        task.fail('content moderation', 1200);
      } else task.complete();
    }
  }, 20);
  const third = await run([...batch, '--concurrency', '300']);
  expect([third.code, account.tasks.length]).toEqual([1, ROWS]);
  const costs = Array.from({ length: ROWS }, (_, index) => Math.round(durationOf(index) * 840));
  const dollars = (units: number) => `$${(units / 10_000).toFixed(2)}`;
  const sum = (units: number[]) => units.reduce((one, other) => one + other, 0);
  const lost = sum(costs.filter((_, index) => FAILING(index)));
  const total = sum(costs);
  expect(third.stderr).toContain(
    `290 done ${dollars(total - lost)} · 10 failed ${dollars(lost)} (refunded within 3 h) · balance $`,
  );

  const retried = await run([...batch, '--retry-failed']).finally(() => clearInterval(settle));
  expect([retried.code, account.tasks.length]).toEqual([0, ROWS + 10]);
  expect(retried.stderr).toContain(`290 of 300 rows are in the journal already`);
  expect(retried.stderr).toContain(`300 done ${dollars(total)} · balance`);
  const files = Array.from({ length: ROWS }, (_, index) => `${sku(index)}.mp4`);
  expect(readdirSync(join(directory, 'out')).sort()).toEqual(files);
  expect(new Set(parseLines(retried.stdout).map(({ id }) => id)).size).toBe(ROWS);

  // The account was charged for 310 tasks; ten refunds are on their way.
  const report = async () => {
    const { code, stdout } = await run(['spend', '--since', '1d', '--journal', 'morning.journal', '--json']);
    return {
      code,
      ...(JSON.parse(stdout) as Report),
    };
  };
  const early = await report();
  expect(early).toMatchObject({ code: 1, charged: account.charged, refunded: 0 });
  expect(early.findings.map(({ finding }) => finding)).toEqual(Array(10).fill('refund_pending'));

  emulator.clock.advance(3 * HOUR);
  const late = await report();
  expect(late).toMatchObject({
    code: 0,
    charged: (total + lost) / 10_000,
    refunded: lost / 10_000,
    net: total / 10_000,
    findings: [],
  });
  expect([account.charged, account.refunded]).toEqual([late.charged, late.refunded]);
  expect(account.balance).toBeCloseTo(500 - total / 10_000, 4);
});
