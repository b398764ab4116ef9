/** Builds what stands on top of the built library, each in one file: the command, and the durable model of the AI SDK. */
import { dirname, resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { durableParts, replacePackage } from './tsup.config.js';

/** The public entries that the command imports, and their files in the build. */
const ENTRIES: Record<string, string> = {
  [resolve('src/index.js')]: './index.js',
  [resolve('src/schemas.js')]: './schemas.js',
  [resolve('src/testing/index.js')]: './testing.js',
};

/** Leaves the library's own entries where they are. */
const onPublicEntries: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'on-public-entries',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
      const entry = ENTRIES[resolve(dirname(importer), path)];
      return entry === undefined ? undefined : { path: entry, external: true };
    });
  },
};

/** Removes `ajv`, with which the MCP SDK checks what a user has filled in: the server asks for no input. */
const withoutAjv = replacePackage(/^ajv(?:-formats)?$/, 'export default function () {}');

export default defineConfig([
  {
    // ESM only, with what only the command needs bundled into it.
    entry: { cli: 'src/cli/main.ts' },
    format: ['esm'],
    target: 'node20.18',
    platform: 'node',
    // The version is printed without loading the rest, and only `mcp` loads the MCP SDK.
    splitting: true,
    external: ['undici'],
    esbuildPlugins: [onPublicEntries, withoutAjv],
    esbuildOptions(options) {
      // The command prints messages, not stacks.
      options.minifyIdentifiers = true;
    },
    // commander is CommonJS, and requires Node's modules.
    banner: {
      js: "import { createRequire as createCommandRequire } from 'node:module'; const require = createCommandRequire(import.meta.url);",
    },
  },
  {
    entry: { 'durable-model': 'src/ai-sdk/durable-model.ts' },
    format: ['esm', 'cjs'],
    target: 'es2022',
    splitting: false,
    esbuildPlugins: [durableParts],
  },
]);
