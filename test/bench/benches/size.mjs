// What the client weighs in a bundle for an edge: minified and gzipped.
import { builtinModules } from 'node:module';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { path } from '../harness.mjs';

/** @type {import('../harness.mjs').Bench} */
export async function bench() {
  const [ours, official] = await Promise.all([sizeOf('wavespeed-kling'), sizeOf('wavespeed')]);
  return [
    {
      name: 'The client for Workers, minified and gzipped',
      ours,
      baseline: official,
      against: 'official client',
      unit: 'kB',
      digits: 1,
      most: 90,
    },
  ];
}

/** @param {string} name */
async function sizeOf(name) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${name}';`, resolveDir: path('../..') },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd'],
    external: ['node:*', ...builtinModules],
    // Ours is the build, not the sources that the project's paths name.
    tsconfigRaw: {},
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).byteLength / 1000;
}
