// Bundles for ESM with the banner of the README, and runs where there is no node_modules.
import { build } from 'esbuild';
import { rename } from 'node:fs/promises';

const { warnings } = await build({
  entryPoints: ['app.mjs'],
  outfile: 'out/app.mjs',
  bundle: true,
  platform: 'node',
  format: 'esm',
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
});
if (warnings.length > 0) throw new Error(warnings.map((warning) => warning.text).join('\n'));
await rename('node_modules', 'removed');
await rename('out', 'lone');
