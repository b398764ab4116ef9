// Keys as people paste them: the message says what is wrong, and never shows the key.
import { expect, test } from 'vitest';
import { ConfigurationError, WaveSpeedKling } from 'wavespeed-kling';
import { KEY } from '../support/server.js';

test.each([
  [`"${KEY}"`, 'in quotes'],
  [`'${KEY}'`, 'in quotes'],
  [`“${KEY}”`, 'in quotes'],
  [`"${KEY}`, 'in quotes'],
  [`Bearer ${KEY}`, '"Bearer"'],
  [`bearer ${KEY}`, '"Bearer"'],
  [`Authorization: Bearer ${KEY}`, '"Bearer"'],
  [`WAVESPEED_API_KEY=${KEY}`, '"NAME="'],
  [`export WAVESPEED_API_KEY="${KEY}"`, '"NAME="'],
  [`wavespeed_api_key = ${KEY}`, '"NAME="'],
])('a key given as %s is refused, and the message says why', async (apiKey, problem) => {
  const create = () => new WaveSpeedKling({ apiKey });
  expect(create).toThrow(ConfigurationError);
  expect(create).toThrow(problem);
  expect(create).not.toThrow(KEY);
  const kling = new WaveSpeedKling({ apiKey: () => apiKey, maxRetries: 0 });
  await expect(kling.balance()).rejects.toThrow(problem);
});

test.each([KEY, ` ${KEY}\n`, `${KEY}==`])('a key is trimmed, and may end in "=": %j', (apiKey) => {
  expect(() => new WaveSpeedKling({ apiKey })).not.toThrow();
});
