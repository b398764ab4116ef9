// Serves the build and calls its route handler.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

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
} finally {
  server.kill();
  await once(server, 'exit');
}
