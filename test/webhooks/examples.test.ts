// Each file of examples/webhooks runs as it stands on the emulator, and gets its webhook.
import { readdirSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';

const folder = new URL('../../examples/webhooks/', import.meta.url);
const files = readdirSync(folder).filter((name) => name !== 'demo.mjs');

afterEach(() => vi.restoreAllMocks());

test('there is an example for each framework', () => {
  const names = ['express', 'fastify', 'hono', 'http', 'lambda', 'next', 'workers'];
  expect(files).toEqual(names.map((name) => `${name}.mjs`));
});

test.each(files)('examples/webhooks/%s receives the webhook of a video once', async (file) => {
  vi.stubEnv('WAVESPEED_API_KEY', undefined);
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  await import(new URL(file, folder).href);
  const id = /^submitted: (\S+)$/.exec(lines[0] ?? '')?.[1];
  expect(id).toBeDefined();
  expect(lines.filter((line) => line === `webhook: ${id} completed`)).toHaveLength(1);
  expect(lines.some((line) => line.startsWith('video: http'))).toBe(true);
});
