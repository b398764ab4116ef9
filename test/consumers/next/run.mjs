// Serves the build and calls its route handler.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WaveSpeedKling } from 'wavespeed-kling';
import { signWebhook } from 'wavespeed-kling/testing';

const server = spawn(
  process.execPath,
  ['node_modules/next/dist/bin/next', 'start', '--port', '0', '--hostname', '127.0.0.1'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let output = '';
let url;
for await (const chunk of server.stdout) {
  output += chunk;
  url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
  if (url !== undefined && output.includes('Ready')) break;
}
try {
  const page = await (await fetch(url)).text();
  assert.match(page, /5(<!-- -->)? seconds/);
  const response = await fetch(`${url}/api/videos`, { method: 'POST' });
  assert.equal(response.status, 200, await response.clone().text());

  const edge = await fetch(`${url}/api/edge`, { method: 'POST' });
  assert.equal(edge.status, 200, await edge.clone().text());
  assert.deepEqual(await edge.json(), ['completed', 'completed']);

  const kling = new WaveSpeedKling();
  const body = JSON.stringify({ id: 'task-1', status: 'completed', outputs: ['https://example.com/1.mp4'] });
  const headers = signWebhook(body, await kling.webhookSecret());
  const webhook = await fetch(`${url}/api/edge`, { method: 'POST', body, headers });
  assert.equal(webhook.status, 200, await webhook.clone().text());
} finally {
  server.kill();
  await once(server, 'exit');
}
