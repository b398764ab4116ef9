// Waits for many tasks at once with one client. Usage: wait-client.mjs <contender> <url> <count>
// @ts-nocheck: what goes between processes has no types.
import { report } from './report.mjs';

const [contender = '', url = '', given] = process.argv.slice(2);
const count = Number(given);
const apiKey = 'benchmark-key';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

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
  // The polls of all waits are spread over a second.
  await sleep((index * 1000) / count);
  const id = `task-${index}`;
  await wait(id);
  return [id, Date.now()];
};
report({ noticed: await Promise.all(Array.from({ length: count }, (_, index) => waitOne(index))) });
process.exit();
