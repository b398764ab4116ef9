// `spend` and `billings` of the built command: totals, findings, and what is on stdout.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KLING_O1, KLING_O3_STD } from 'wavespeed-kling';
import { parseLines, setUp } from './support.js';

/** Two tasks with keys, one of them failed, and one without a key. */
async function spent() {
  const bench = await setUp();
  const { run, write, emulator } = bench;
  const rows = [
    { key: 'fox', model: 'o1', prompt: 'fox' },
    { key: 'bad, "quoted"', model: 'o3-std', prompt: 'bad' },
  ];
  await run(['batch', write('rows.jsonl', rows), '--journal', 'rows.journal']);
  const failed = emulator.account.tasks.find(({ input }) => input['prompt'] === 'bad');
  failed?.fail();
  await run(['run', 'o1', '-p', 'unkeyed']);
  return { ...bench, failed };
}

describe.concurrent('spend', () => {
  test('prints the totals, by model and day, and every finding; exit code 1', async () => {
    const { run, failed } = await spent();
    const { code, stdout, stderr } = await run(['spend']);
    const day = new Date().toISOString().slice(0, 10);
    expect(code).toBe(1);
    expect(stdout.trim().split('\n')).toEqual([
      'total\tcharged $1.54\trefunded $0\tnet $1.54',
      'o1\tcharged $1.12\trefunded $0\tnet $1.12',
      'o3-std\tcharged $0.42\trefunded $0\tnet $0.42',
      expect.stringMatching(`^(${day}|\\d{4}-\\d\\d-\\d\\d)\tcharged \\$1\\.54\t`),
      `refund_pending\t${failed?.id}\t\tfailed\tcharged $0.42\trefunded $0`,
    ]);
    expect(stderr).toContain('1 of 3 tasks does not add up');
  });

  test('with a journal, tasks have their keys, and those without one are found', async () => {
    const { run, emulator, failed } = await spent();
    const { code, stdout } = await run(['spend', '--journal', 'rows.journal', '--json']);
    const unkeyed = emulator.account.tasks.find(({ input }) => input['prompt'] === 'unkeyed');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      charged: 1.54,
      refunded: 0,
      net: 1.54,
      by_model: {
        [KLING_O1]: { charged: 1.12, refunded: 0, net: 1.12 },
        [KLING_O3_STD]: { charged: 0.42, refunded: 0, net: 0.42 },
      },
      by_day: expect.any(Object),
      findings: [
        expect.objectContaining({ prediction_id: unkeyed?.id, finding: 'no_key', charged: 0.56 }),
        expect.objectContaining({
          prediction_id: failed?.id,
          finding: 'refund_pending',
          key: 'bad, "quoted"',
        }),
      ],
    });
  });

  test('--csv prints a row per task', async () => {
    const { run, failed } = await spent();
    const { stdout } = await run(['spend', '--journal', 'rows.journal', '--csv']);
    const [header, ...rows] = stdout.trim().split('\n');
    expect(header).toBe('prediction_id,key,model,status,charged,refunded,estimate,finding');
    expect(rows).toHaveLength(3);
    expect(rows).toContain(
      `${failed?.id},"bad, ""quoted""",${KLING_O3_STD},failed,0.42,0,0.42,refund_pending`,
    );
  });

  test('after the refunds everything adds up: exit code 0', async () => {
    const { run, emulator } = await spent();
    emulator.clock.advance(3 * 60 * 60_000);
    const { code, stdout } = await run(['spend', '--since', '1d']);
    expect([code, stdout.split('\n')[0]]).toEqual([0, 'total\tcharged $1.54\trefunded $0.42\tnet $1.12']);
  });

  test('a journal that is not there is not created: exit code 2', async () => {
    const { run, directory, emulator } = await setUp();
    const { code } = await run(['spend', '--journal', 'missing.journal']);
    expect([code, existsSync(join(directory, 'missing.journal'))]).toEqual([2, false]);
    expect(emulator.requests).toEqual([]);
  });

  test.for([[['--since', 'yesterday']], [['--csv', '--json']]] as const)(
    '%j: exit code 2',
    async ([flags]) => {
      const { run, emulator } = await setUp();
      expect([(await run(['spend', ...flags])).code, emulator.requests.length]).toEqual([2, 0]);
    },
  );
});

test('billings prints a row per charge and refund, newest first', async () => {
  const { run, emulator, failed } = await spent();
  const all = await run(['billings']);
  expect(
    all.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t').slice(1, 4)),
  ).toEqual([['o1', 'deduct', '0.56'], expect.anything(), expect.anything()]);
  emulator.clock.advance(3 * 60 * 60_000);
  const refunds = await run(['billings', '--type', 'refund', '--json']);
  expect(parseLines(refunds.stdout)).toMatchObject([
    { billing_type: 'refund', price: 0.42, prediction: { uuid: failed?.id } },
  ]);
  const some = await run(['billings', '--model', 'o3-std', '--limit', '1']);
  expect(some.stdout).toMatch(new RegExp(`^${failed?.id}\to3-std\t(deduct|refund)\t0\\.42\t\\S+\n$`));
});
