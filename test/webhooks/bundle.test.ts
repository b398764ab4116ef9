/** `wavespeed-kling/webhooks` runs without Node: bundled for a browser, in an empty realm. */
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { signWebhook } from '../../src/testing/service/sign.js';

const bundle = await build({
  entryPoints: [fileURLToPath(new URL('../../src/webhooks.ts', import.meta.url))],
  bundle: true,
  minify: true,
  format: 'iife',
  globalName: 'webhooks',
  platform: 'browser',
  metafile: true,
  write: false,
});
const code = bundle.outputFiles[0]?.text ?? '';

test('bundles only this library’s own files: no Node module, no zod', () => {
  const inputs = Object.entries(bundle.metafile.inputs);
  expect(
    inputs
      .map(([path]) => path)
      .filter((path) => !/(^|\/)src\/(?:(?:core|core\/errors|utils|webhooks)\/)?[\w-]+\.ts$/.test(path)),
  ).toEqual([]);
  expect(inputs.flatMap(([, { imports }]) => imports).filter(({ external }) => external)).toEqual([]);
});

test('bundles to at most 19 KB minified', () => {
  expect(code.length).toBeLessThan(19_000);
});

test('verifies and receives with the globals of the web platform only', async () => {
  const secret = 'whsec_test_secret';
  const body = JSON.stringify({ id: 'task-1', status: 'completed', outputs: ['https://example.com/v.mp4'] });
  const headers = signWebhook(body, secret);
  const request = new Request('https://example.com/', { method: 'POST', body, headers });
  // What browsers and edges have; nothing of Node's: no process, no Buffer, no require.
  const web = { crypto, TextEncoder, TextDecoder, Response, queueMicrotask };
  const result: unknown = await runInNewContext(
    `${code};(async () => {
      const event = await webhooks.verifyWebhook(body, headers, secret);
      const receiver = webhooks.createWebhookReceiver({ secret });
      const response = await receiver.fetch(request);
      const refused = await webhooks.verifyWebhook(body, headers, 'whsec_other').catch((error) => error.reason);
      return [event.id, response.status, refused, typeof process].join();
    })()`,
    { ...web, body, headers, secret, request },
  );
  expect(result).toBe('task-1,200,signature_mismatch,undefined');
});

test('throws ConfigurationError without Web Crypto', async () => {
  const error: unknown = await runInNewContext(
    `${code};webhooks.verifyWebhook(body, headers, 'whsec_x').catch((error) => error.name + ': ' + error.message)`,
    { TextEncoder, TextDecoder, body: '{}', headers: signWebhook('{}', 'whsec_x') },
  );
  expect(error).toMatch(/^ConfigurationError: .*crypto\.subtle/);
});
