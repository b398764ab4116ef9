// Bundles for CommonJS without any setting, and runs where there is no node_modules.
import { build } from 'esbuild';
import { rename } from 'node:fs/promises';

const { warnings } = await build({
  entryPoints: ['app.cjs'],
  outfile: 'out/app.cjs',
  bundle: true,
  platform: 'node',
  format: 'cjs',
});
if (warnings.length > 0) throw new Error(warnings.map((warning) => warning.text).join('\n'));
await rename('node_modules', 'removed');
await rename('out', 'lone');
