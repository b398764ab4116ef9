// Builds the entries as ESM and CommonJS, with types for each.
import { defineConfig, type Options } from 'tsup';

/** Puts a module in the place of a package that is imported but not needed. */
export const replacePackage = (
  packages: RegExp,
  contents: string,
): NonNullable<Options['esbuildPlugins']>[number] => ({
  name: 'replace-package',
  setup(build) {
    const namespace = `replaced ${packages.source}`;
    build.onResolve({ filter: packages }, ({ path }) => ({ path, namespace }));
    build.onLoad({ filter: /.*/, namespace }, () => ({ contents }));
  },
});

/** Removes `debug`, which the file type library's inflater uses: it requires Node's tty in a way that ESM does not have. */
export const withoutDebug = replacePackage(/^debug$/, 'export default () => () => undefined;');

/**
 * Makes the parts of a durable model files of their own, which each build takes from the package itself: a workflow's
 * compiler finds the class in one file for all of them, and loads what it does only in a step.
 */
export const durableParts: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'durable-parts',
  setup(build) {
    build.onResolve({ filter: /^\.\/durable-(?:model|runtime)\.js$/ }, ({ path }) => {
      return { path: `wavespeed-kling/internal/${path.slice(2, -3)}`, external: true };
    });
  },
};

const entry = {
  index: 'src/index.ts',
  schemas: 'src/schemas.ts',
  webhooks: 'src/webhooks.ts',
  testing: 'src/testing/index.ts',
  'ai-sdk': 'src/ai-sdk/index.ts',
  bullmq: 'src/bullmq/index.ts',
  sql: 'src/sql/index.ts',
  'durable-runtime': 'src/ai-sdk/durable-runtime.ts',
};

export default defineConfig({
  entry: { ...entry, inputs: 'src/inputs.ts' },
  format: ['esm', 'cjs'],
  target: 'node20.18',
  platform: 'node',
  clean: true,
  // One copy of each class for all entries: without it `instanceof` fails across subpaths in CommonJS.
  splitting: true,
  // zod is bundled tree-shaken (a fifth of its import cost); p-retry because it is ESM only and CommonJS on Node 20.18 cannot require it.
  noExternal: ['zod', 'p-retry', 'is-network-error'],
  external: ['undici', 'msw', 'bullmq', 'ioredis'],
  esbuildPlugins: [withoutDebug, durableParts],
  // TypeScript 6 deprecates an option that tsup's declaration bundler sets.
  dts: { entry, compilerOptions: { ignoreDeprecations: '6.0' } },
});
