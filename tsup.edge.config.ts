/** Builds the entries for edge runtimes, without Node's modules. `exports` names them under `workerd` and `edge-light`. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { defineConfig } from 'tsup';
import { durableParts, withoutDebug } from './tsup.config.js';

/** `x.edge.ts` stands for `x.ts` beside it, and `src/edge/x.ts` for `node:x`. */
const onEdge: Plugin = {
  name: 'on-edge',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
      const file = resolve(dirname(importer), path).replace(/\.js$/, '.edge.ts');
      return existsSync(file) ? { path: file } : undefined;
    });
    build.onResolve({ filter: /^(?:node:|undici$)/ }, ({ path, importer }) => {
      const file = resolve('src/edge', `${path.replace('node:', '')}.ts`);
      if (existsSync(file)) return { path: file };
      return {
        errors: [
          { text: `${path} does not run on an edge: give ${importer} a sibling that ends in .edge.ts` },
        ],
      };
    });
  },
};

/** What makes a build of the sources one for an edge. */
export const edgeBuild = {
  platform: 'browser',
  // Next's edge runtime has `process.env`, and Workers have it with `nodejs_compat`.
  define: { process: 'edgeProcess' },
  banner: {
    js:
      'const edgeProcess={platform:"edge",get env(){return globalThis.process?.env??{}},' +
      'emitWarning(warning){console.warn(warning)}};',
  },
  plugins: [durableParts, onEdge, withoutDebug],
} satisfies BuildOptions;

const { plugins, ...options } = edgeBuild;

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    schemas: 'src/schemas.ts',
    inputs: 'src/inputs.ts',
    webhooks: 'src/webhooks.ts',
    sql: 'src/sql/index.ts',
    'ai-sdk': 'src/ai-sdk/index.ts',
    'durable-runtime': 'src/ai-sdk/durable-runtime.ts',
  },
  ...options,
  outDir: 'dist/edge',
  format: ['esm'],
  target: 'es2022',
  clean: true,
  splitting: true,
  noExternal: [/./],
  removeNodeProtocol: false,
  esbuildPlugins: plugins,
  // Bundlers of these platforms minify it in any case.
  minify: true,
});
