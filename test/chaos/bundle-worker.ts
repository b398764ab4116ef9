/** Bundles the process of the chaos runs once; its dependencies are found from there. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

let count = 0;

export async function bundleWorker(): Promise<string> {
  const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
  await mkdir(cache, { recursive: true });
  const outfile = join(cache, `chaos-worker-${process.pid}-${count++}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    alias: { 'wavespeed-kling/sql': fileURLToPath(new URL('../../src/sql/index.ts', import.meta.url)) },
    logLevel: 'warning',
  });
  return outfile;
}
