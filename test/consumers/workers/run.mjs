// Bundles the Worker as wrangler does, and calls it in workerd.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

const { outputFiles } = await build({
  entryPoints: ['worker.js'],
  bundle: true,
  write: false,
  minify: true,
  format: 'esm',
  target: 'es2022',
  conditions: ['workerd', 'worker', 'browser'],
});
const worker = new Miniflare({
  modules: true,
  script: outputFiles[0].text,
  compatibilityDate: '2026-04-01',
  bindings: {
    WAVESPEED_API_KEY: process.env.WAVESPEED_API_KEY,
    WAVESPEED_BASE_URL: process.env.WAVESPEED_BASE_URL,
  },
});
try {
  const { origin } = await worker.ready;
  const get = async (path) => {
    const response = await fetch(origin + path);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  };
  assert.deepEqual(await get('/limits'), {
    noKey: 'ConfigurationError',
    path: 'ConfigurationError',
    download: 'ConfigurationError',
    fileJournal: 'ConfigurationError',
    duration: 5,
    provider: 'v3',
    hasTables: true,
  });
  const [fox, heron] = await get('/videos');
  for (const video of [fox, heron]) assert.equal(video.status, 'completed');
  let events = [];
  for (const until = Date.now() + 20_000; events.length === 0 && Date.now() < until; await delay(50)) {
    events = await get('/events');
  }
  assert.deepEqual(events, [fox.id]);
} finally {
  await worker.dispose();
}
