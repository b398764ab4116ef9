// Programs bundled with esbuild: undici comes along, and really sends requests.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type BuildOptions } from 'esbuild';
import { expect, test } from 'vitest';
import { startEmulator } from 'wavespeed-kling/testing';
import { onCleanup } from '../support/server.js';

const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
const PROGRAM = `
  import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
  const main = async () => {
    const retries = [];
    const kling = new WaveSpeedKling({ onRetry: (context) => retries.push(context.error.name) });
    try {
      const video = await kling.run(KLING_O3_STD, { prompt: 'A fox in the snow' }, { pollIntervalMs: 5 });
      console.log(JSON.stringify({ status: video.status }));
    } catch (error) {
      console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message, retries }));
    }
    await kling.close();
  };
  void main();
`;

async function bundleAndRun(
  options: BuildOptions,
  program = PROGRAM,
): Promise<{ said: Record<string, unknown>; tasks: number }> {
  const emulator = await startEmulator({ queueMs: 0, processingMs: 0 });
  onCleanup(() => emulator.close());
  const directory = await mkdtemp(join(tmpdir(), 'bundle-'));
  onCleanup(() => rm(directory, { recursive: true }));
  const outfile = join(directory, options.format === 'cjs' ? 'program.cjs' : 'program.mjs');
  const entry = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
  const { warnings } = await build({
    stdin: { contents: program, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    alias: { 'wavespeed-kling': entry },
    bundle: true,
    platform: 'node',
    target: 'node20',
    outfile,
    logLevel: 'silent',
    ...options,
  });
  expect(warnings).toEqual([]);
  const env = {
    WAVESPEED_API_KEY: emulator.apiKey,
    WAVESPEED_BASE_URL: emulator.url,
    PATH: process.env.PATH,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], { env });
  return { said: JSON.parse(stdout) as Record<string, unknown>, tasks: emulator.account.tasks.length };
}

test.each<[string, BuildOptions]>([
  ['ESM with the createRequire banner', { format: 'esm', banner: { js: BANNER } }],
  ['ESM with the banner, minified', { format: 'esm', banner: { js: BANNER }, minify: true }],
  ['CommonJS', { format: 'cjs' }],
])('runs as %s', async (_name, options) => {
  expect(await bundleAndRun(options)).toEqual({ said: { status: 'completed' }, tasks: 1 });
});

/** Once undici is loaded, its own Agent is the global dispatcher: it reuses connections that are too old for a submit. */
const THREE_SUBMITS = `
  import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
  const main = async () => {
    const kling = new WaveSpeedKling();
    for (let count = 0; count < 3; count++) await kling.submit(KLING_O3_STD, { prompt: 'A fox in the snow' });
    const dispatchers = ['1', '2'].map((version) => globalThis[Symbol.for('undici.globalDispatcher.' + version)]);
    const used = dispatchers.map((dispatcher) => Object.keys(dispatcher?.stats ?? {}).length);
    console.log(JSON.stringify({ used, hasDefault: dispatchers.some((dispatcher) => dispatcher !== undefined) }));
    await kling.close();
  };
  void main();
`;

test.each<[string, BuildOptions]>([
  ['plain', {}],
  ['minified', { minify: true }],
  ['minified with the names kept', { minify: true, keepNames: true }],
])('%s: submits go over own connections, not over the global dispatcher', async (_name, options) => {
  const { said, tasks } = await bundleAndRun({ format: 'cjs', ...options }, THREE_SUBMITS);
  expect(said).toEqual({ used: [0, 0], hasDefault: true });
  expect(tasks).toBe(3);
});

test('ESM without the banner is a ConfigurationError that says what to do, not retried', async () => {
  const { said, tasks } = await bundleAndRun({ format: 'esm' });
  expect(said).toMatchObject({ name: 'ConfigurationError', code: 'transport_unavailable', retries: [] });
  expect(said.message).toContain(BANNER);
  expect(tasks).toBe(0);
});
