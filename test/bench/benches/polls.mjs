// What it costs to wait: 200 tasks, each polled once a second over TLS, beside a bare undici pool and the official client.
import { compare, path, runNode } from '../harness.mjs';
import { lagsOf, startService } from '../service.mjs';

/** @typedef {import('../harness.mjs').Counts} Counts */

/**
 * @param {string} contender
 * @param {number} count
 * @param {[number, number]} range How long the tasks take, in milliseconds.
 * @returns {() => Promise<Counts>}
 */
const waits = (contender, count, range) => async () => {
  const service = await startService(range);
  const { noticed, ...usage } = await runNode(
    [path('wait-client.mjs'), contender, service.url, String(count)],
    service,
  );
  const { polls, endedAt } = await service.stop();
  return { ...usage, polls, ...lagsOf(noticed, endedAt) };
};

/**
 * Runs the contenders at the same time in each turn, not one after the other: each uses a tenth of a core, and so meets the same
 * moments of the machine.
 *
 * @param {number} count
 * @param {[number, number]} range
 * @param {number} turns
 */
async function compareTogether(count, range, turns) {
  const names = ['ours', 'bare', 'official'];
  const all = async () => {
    const counts = await Promise.all(names.map((name) => waits(name, count, range)()));
    return Object.fromEntries(
      names.flatMap((name, index) =>
        Object.entries(counts[index] ?? {}).map(([key, value]) => [`${name} ${key}`, value]),
      ),
    );
  };
  return (await compare({ all }, turns)).all;
}

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns, isTiny }) {
  const count = isTiny ? 10 : 200;
  const medians = await compareTogether(count, isTiny ? [10, 20] : [60_000, 90_000], turns);
  /** @type {(against: string, other: string, rows: [name: string, key: string, unit?: string][]) => import('../harness.mjs').Row[]} */
  const beside = (against, other, rows) =>
    rows.map(([name, key, unit = 'ms']) => ({
      name,
      ours: medians[`ours ${key}`],
      baseline: medians[`${other} ${key}`],
      against,
      unit,
    }));
  const what = `${count} waits of 60–90 s, polled once a second: CPU of all`;
  const [cpu, ...others] = beside('bare undici', 'bare', [
    [what, 'cpuMs'],
    ['… user', 'userMs'],
    ['… system', 'systemMs'],
    ['… polls', 'polls', ''],
    ['… end noticed after', 'lagMs'],
    ['… end noticed after (95 %)', 'lag95Ms'],
  ]);
  const [officialCpu, ...officialOthers] = beside('official client', 'official', [
    ['… CPU', 'cpuMs'],
    ['… polls', 'polls', ''],
    ['… end noticed after', 'lagMs'],
  ]);
  return /** @type {import('../harness.mjs').Row[]} */ ([
    { ...cpu, limit: 1.25 },
    ...others,
    { ...officialCpu, limit: 0.8 },
    ...officialOthers,
  ]);
}
