/** Builds what stands on top of the built library, each in one file: the command, and the durable model of the AI SDK. */
import { dirname, resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { durableParts, replacePackage } from './tsup.config.js';

/** What the command imports without bundling it: the public entries and its own program, and their files in the build. */
const ENTRIES: Record<string, string> = {
  [resolve('src/index.js')]: './index.js',
  [resolve('src/schemas.js')]: './schemas.js',
  [resolve('src/inputs.js')]: './inputs.js',
  [resolve('src/testing/index.js')]: './testing.js',
  [resolve('src/cli/program.js')]: './program.js',
};

/** Leaves the library's own entries where they are, and the program a file of its own. */
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

/** Removes `node:child_process`, which takes five milliseconds to load: commander would start other programs with it. */
const withoutPrograms = replacePackage(/^node:child_process$/, 'module.exports = {};');

/** Imports the modules of Node that commander requires: an ESM bundle has no `require`. */
const importNode: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'import-node',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, namespace: 'required-node' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'required-node' }, ({ path }) => ({
      contents: `import node from '${path}'; module.exports = node;`,
    }));
  },
};

export default defineConfig([
  {
    // One file without imports, which prints the version.
    entry: { cli: 'src/cli/main.ts' },
    format: ['esm'],
    target: 'node20.18',
    platform: 'node',
    splitting: false,
    esbuildPlugins: [onPublicEntries],
  },
  {
    // ESM only, with what only the command needs bundled into it.
    entry: { program: 'src/cli/program.ts' },
    format: ['esm'],
    target: 'node20.18',
    platform: 'node',
    // A file for each command.
    splitting: true,
    external: ['undici'],
    removeNodeProtocol: false,
    esbuildPlugins: [onPublicEntries, withoutAjv, withoutPrograms, importNode],
    esbuildOptions(options) {
      // The command prints messages, not stacks.
      options.minifyIdentifiers = true;
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
