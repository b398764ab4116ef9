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
export const waits = (contender, count, range) => async () => {
  const service = await startService(range);
  const { noticed, ...usage } = await runNode(
    [path('wait-client.mjs'), contender, service.url, String(count)],
    service,
  );
  const { polls, endedAt } = await service.stop();
  return { ...usage, polls, ...lagsOf(noticed, endedAt) };
};

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns, isTiny }) {
  const count = isTiny ? 10 : 200;
  /** @type {[number, number]} */
  const range = isTiny ? [10, 20] : [60_000, 90_000];
  const { ours, bare, official } = await compare(
    {
      ours: waits('ours', count, range),
      bare: waits('bare', count, range),
      official: waits('official', count, range),
    },
    turns,
  );
  const beside = (/** @type {Counts} */ other, /** @type {string} */ against) => {
    const row = (/** @type {string} */ name, /** @type {string} */ key, unit = 'ms') => {
      return { name, ours: ours[key], baseline: other[key], against, unit };
    };
    return {
      cpu: row(`${count} waits of 60–90 s, polled once a second: CPU of all`, 'cpuMs'),
      more: [
        row('… user', 'userMs'),
        row('… system', 'systemMs'),
        row('… polls', 'polls', ''),
        row('… end noticed after', 'lagMs'),
        row('… end noticed after (95 %)', 'lag95Ms'),
      ],
    };
  };
  const [toBare, toOfficial] = [beside(bare, 'bare undici'), beside(official, 'official client')];
  return [
    { ...toBare.cpu, limit: 1.25 },
    ...toBare.more,
    { ...toOfficial.cpu, limit: 0.8 },
    ...toOfficial.more,
  ];
}
