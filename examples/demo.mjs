/**
 * Makes one video with each model from two pictures of a fox, and saves it.
 *
 *   npm run demo
 *
 * It runs on the local emulator and costs nothing. With WAVESPEED_API_KEY set it runs on the live service: the two
 * videos then cost $0.56 + $0.42 = $0.98.
 */
import { relative } from 'node:path';
import { estimateCost, KLING_O1, KLING_O3_STD, WaveSpeedError, WaveSpeedKling } from 'wavespeed-kling';

const live = Boolean(process.env.WAVESPEED_API_KEY);
const emulator = live
  ? undefined
  : await (await import('wavespeed-kling/testing')).startEmulator({ queueMs: 500, processingMs: 2500 });
const kling = new WaveSpeedKling(emulator && { apiKey: emulator.apiKey, baseUrl: emulator.url });
console.log(live ? 'On the live service.' : 'On the emulator: no network, no cost. The videos are samples.');

// Two views of the same character; local files are uploaded first.
const images = [new URL('images/front.jpg', import.meta.url), new URL('images/side.jpg', import.meta.url)];
const prompt =
  'The character walking through a futuristic city at night, neon lights reflecting on wet streets';

// The example requests of the two models' pages.
/** @satisfies {import('wavespeed-kling').ModelInput<typeof KLING_O1>} */
const o1 = { prompt, images, keep_original_sound: true, aspect_ratio: '16:9', duration: 5 };
/** @satisfies {import('wavespeed-kling').ModelInput<typeof KLING_O3_STD>} */
const o3 = { prompt, images, keep_original_sound: true, sound: false, aspect_ratio: '16:9', duration: 5 };

const startedAt = Date.now();
/** @param {string} name @param {string} text */
const say = (name, text) => {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(5);
  console.log(`${seconds} s  ${name}: ${text}`);
};

/**
 * Makes one video, reports its progress, and saves it.
 *
 * @param {string} name
 * @param {(options: import('wavespeed-kling').RunOptions) => Promise<import('wavespeed-kling').CompletedPrediction>} run
 */
async function make(name, run) {
  const video = await run({
    // Save the id here, in a program that may be restarted: wait(id) resumes the task.
    onSubmitted: ({ id }) => say(name, `submitted as ${id}`),
    onUpdate: ({ status }) => say(name, status),
  });
  for (const { path, bytes } of await kling.download(video, 'out', { ifExists: 'overwrite' })) {
    say(name, `saved ${relative('.', path)} (${Math.ceil(bytes / 1000)} kB)`);
  }
}

try {
  console.log(`O1 costs $${estimateCost(KLING_O1, o1)}, O3 Standard $${estimateCost(KLING_O3_STD, o3)}.`);
  await Promise.all([
    make('O1    ', (options) => kling.run(KLING_O1, o1, options)),
    make('O3 Std', (options) => kling.run(KLING_O3_STD, o3, options)),
  ]);
} catch (error) {
  // The message says what to do; where a task is already paid for, also how to take it up again.
  if (!WaveSpeedError.isInstance(error)) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await kling.close();
  await emulator?.close();
}
