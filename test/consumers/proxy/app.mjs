// Nothing listens at the base URL: only the proxy reaches the emulator.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startProxy } from './proxy.mjs';

const proxy = await startProxy(process.env.WAVESPEED_BASE_URL);
const common = { ...process.env, WAVESPEED_BASE_URL: 'http://127.0.0.1:2' };

async function run(name, env = {}) {
  proxy.count = 0;
  const child = spawn(process.execPath, [name], { env: { ...common, ...env }, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0, `${name} failed`);
  return proxy.count;
}

assert.ok((await run('environment.mjs', { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url })) > 0);
assert.ok((await run('global-proxy.mjs', { HTTP_PROXY: proxy.url })) > 0);
assert.equal(await run('global-mock.mjs'), 0);
proxy.close();
