// Tasks from start to video over TLS: the CPU, the polls, and how late an end is noticed.
// @ts-nocheck: what a client reports has no types.
import { compare, path, runNode } from '../harness.mjs';
import { lagsOf, startService } from '../service.mjs';

const OFFICIAL = 'official client';
const BARE = 'bare undici';

/** A program that makes so many videos at once. */
const program = (client, count, range) => async () => {
  const service = await startService(range);
  const { noticed, ...usage } = await runNode(
    [path('client.mjs'), 'run', client, service.url, String(count)],
    service,
  );
  const { polls, endedAt } = await service.stop();
  return { ...usage, polls: polls / count, ...lagsOf(noticed, endedAt) };
};

/** One call after another. */
const calls = (what, client, count) => async () => {
  const service = await startService([1e9, 1e9]);
  const usage = await runNode([path('client.mjs'), what, client, service.url, String(count)], service);
  await service.stop();
  return usage;
};

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns, isTiny }) {
  const rows = [];
  const add = (name, { ours, official, bare }, key, unit, more = {}) =>
    rows.push({
      name,
      ours: ours[key],
      baseline: (official ?? bare)[key],
      against: official ? OFFICIAL : BARE,
      unit,
      ...more,
    });
  const race = (count, range) =>
    compare(
      { ours: program('wavespeed-kling', count, range), official: program('wavespeed', count, range) },
      turns,
    );

  const range = isTiny ? [10, 10] : [2000, 2000];
  const one = await compare(
    {
      ours: program('wavespeed-kling', 1, range),
      withFetch: program('wavespeed-kling with fetch', 1, range),
      official: program('wavespeed', 1, range),
      bare: program('undici', 1, range),
    },
    turns * 3,
  );
  const { ours, withFetch, official, bare } = one;
  add('One short program, a task of 2 s: CPU', one, 'cpuMs', 'ms', { limit: 1.3 });
  add('… with `fetch: globalThis.fetch`', { ours: withFetch, official }, 'cpuMs', 'ms', { limit: 1.1 });
  add('… with undici, as by default', { ours, bare }, 'cpuMs', 'ms');
  add('… end noticed after', one, 'lagMs', 'ms');

  const many = isTiny ? await race(5, [10, 20]) : await race(500, [8000, 12_000]);
  add('500 tasks of 8–12 s at once: CPU of all', many, 'cpuMs', 'ms');
  add('… polls a task', many, 'polls', '', { digits: 1 });
  add('… end noticed after (95 %)', many, 'lag95Ms', 'ms');
  add('… peak memory', many, 'peakMb', 'MB');

  for (const [what, against] of [
    ['poll', 'official'],
    ['submit', 'bare'],
  ]) {
    const count = isTiny ? 2 : 600;
    const other = against === 'official' ? 'wavespeed' : 'undici';
    const results = await compare(
      { ours: calls(what, 'wavespeed-kling', count), [against]: calls(what, other, count) },
      turns,
    );
    add(`One ${what} after another: CPU of each`, results, 'cpuUs', 'µs');
    add('… time', results, 'us', 'µs');
  }
  return rows;
}
