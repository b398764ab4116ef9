// The tests of connections and dispatchers again, on a bundle whose classes and functions have lost their names.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, expect, test, vi } from 'vitest';

const bundle = vi.hoisted(() => ({ load: undefined as (() => Promise<object>) | undefined }));

const directory = mkdtempSync(join(tmpdir(), 'minified-'));
afterAll(() => rmSync(directory, { recursive: true }));

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('../../src/index.ts', import.meta.url))],
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  write: false,
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
});
const file = join(directory, 'index.mjs');
writeFileSync(file, outputFiles[0]?.text ?? '');
bundle.load = () => import(/* @vite-ignore */ pathToFileURL(file).href) as Promise<object>;

vi.mock('wavespeed-kling', async () => (await bundle.load?.()) ?? {});

await import('./connections.test.js');
await import('./dispatchers.test.js');

test('the classes have other names in the bundle, and their errors still their own', async () => {
  const { ApiError } = await import('wavespeed-kling');
  expect(ApiError.toString()).not.toMatch(/class ApiError/);
  expect(new ApiError('m', { status: 400 }).name).toBe('ApiError');
});
