// Builds the entries as ESM and CommonJS, with types for each.
import { defineConfig, type Options } from 'tsup';

/** Removes `debug`, which the file type library's inflater uses: it requires Node's tty in a way that ESM does not have. */
export const withoutDebug: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'without-debug',
  setup(build) {
    build.onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'silent' }));
    build.onLoad({ filter: /.*/, namespace: 'silent' }, () => ({
      contents: 'export default () => () => undefined;',
    }));
  },
};

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    schemas: 'src/schemas.ts',
    webhooks: 'src/webhooks.ts',
    testing: 'src/testing/index.ts',
    'ai-sdk': 'src/ai-sdk/index.ts',
    bullmq: 'src/bullmq/index.ts',
    sql: 'src/sql/index.ts',
  },
  format: ['esm', 'cjs'],
  target: 'node20.18',
  platform: 'node',
  clean: true,
  // One copy of each class for all entries: without it `instanceof` fails across subpaths in CommonJS.
  splitting: true,
  // zod is bundled tree-shaken (a fifth of its import cost); p-retry because it is ESM only and CommonJS on Node 20.18 cannot require it.
  noExternal: ['zod', 'p-retry', 'is-network-error'],
  external: ['undici', 'msw', 'bullmq', 'ioredis'],
  esbuildPlugins: [withoutDebug],
  // TypeScript 6 deprecates an option that tsup's declaration bundler sets.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
});
