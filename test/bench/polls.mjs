// What one poll costs beside a bare undici.request of the same URL; in a process of its own.
import { request } from 'undici';
import { WaveSpeedKling } from 'wavespeed-kling';

const [url = '', apiKey = '', rounds = '7', polls = '1500'] = process.argv.slice(2);
const kling = new WaveSpeedKling({ apiKey, baseUrl: url });
const { id } = await kling.submit('kwaivgi/kling-video-o3-std/reference-to-video', {
  prompt: 'A fox in the snow',
});
const ours = () => kling.get(id);
const bare = async () => {
  const { body } = await request(`${url}/api/v3/predictions/${id}/result`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  await body.json();
};

/** @param {() => Promise<unknown>} look @returns {Promise<number>} microseconds of wall time a poll */
async function measure(look) {
  const started = performance.now();
  for (let count = 0; count < Number(polls); count++) await look();
  return ((performance.now() - started) / Number(polls)) * 1000;
}

await measure(ours);
await measure(bare);
/** @type {number[]} */
const ratios = [];
for (let round = 0; round < Number(rounds); round++)
  ratios.push((await measure(ours)) / (await measure(bare)));
ratios.sort((one, other) => one - other);
process.send?.({ ratio: ratios[Math.floor(ratios.length / 2)] }, () => process.exit());
