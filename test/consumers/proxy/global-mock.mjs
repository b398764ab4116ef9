// The application's tests have set a mock for all of undici, which lets nothing through.
import assert from 'node:assert/strict';
import { MockAgent, setGlobalDispatcher } from 'undici';
import { WaveSpeedKling } from 'wavespeed-kling';

const agent = new MockAgent();
agent.disableNetConnect();
agent
  .get('http://127.0.0.1:2')
  .intercept({ path: '/api/v3/balance' })
  .reply(200, { code: 200, message: 'success', data: { balance: 12.5 } });
setGlobalDispatcher(agent);

const kling = new WaveSpeedKling({ maxRetries: 0 });
assert.equal(await kling.balance(), 12.5);
await assert.rejects(
  kling.submit('kwaivgi/kling-video-o3-std/reference-to-video', { prompt: 'A fox' }, { timeoutMs: 5000 }),
);
await kling.close();
