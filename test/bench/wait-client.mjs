// Waits for many tasks at once with one client. Usage: wait-client.mjs <contender> <url> <count>
// @ts-nocheck: what goes between processes has no types.
import { report } from './report.mjs';

const [contender = '', url = '', given] = process.argv.slice(2);
const count = Number(given);
const apiKey = 'benchmark-key';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Waits start one after the other, each when the connections of the last are free, so that no client opens many at once; 200
 * polls of 200 waits are then 5 ms apart, evenly over each second.
 */
const STEP_MS = 55;

const contenders = {
  async ours() {
    const { WaveSpeedKling } = await import('wavespeed-kling');
    const kling = new WaveSpeedKling({ apiKey, baseUrl: url });
    return (id) => kling.wait(id);
  },
  async official() {
    const { Client } = (await import('wavespeed')).default;
    const client = new Client(apiKey, { baseUrl: url });
    return (id) => client._wait(id, undefined, 1);
  },
  async bare() {
    const { Pool } = await import('undici');
    const pool = new Pool(url);
    const headers = { authorization: `Bearer ${apiKey}` };
    return async (id) => {
      for (;;) {
        const { body } = await pool.request({
          method: 'GET',
          path: `/api/v3/predictions/${id}/result`,
          headers,
        });
        const { data } = await body.json();
        if (data.status === 'completed') return;
        await sleep(1000);
      }
    };
  },
};

const wait = await contenders[contender]();
const waitOne = async (index) => {
  await sleep(index * STEP_MS);
  const id = `task-${index}`;
  await wait(id);
  return [id, Date.now()];
};
report({ noticed: await Promise.all(Array.from({ length: count }, (_, index) => waitOne(index))) });
process.exit();
