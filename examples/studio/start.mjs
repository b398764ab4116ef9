/** Bundles the studio's server and page from source, and starts the server: `npm run studio`. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { build } from 'esbuild';

/** @param {string} name */
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const out = path('../../out/studio/');
/** @param {string} name */
const library = (name) => path(`../../src/${name}`);

// In your program the package's name needs no alias.
const alias = {
  'wavespeed-kling/schemas': library('schemas.ts'),
  'wavespeed-kling/webhooks': library('webhooks.ts'),
  'wavespeed-kling/testing': library('testing/index.ts'),
  'wavespeed-kling': library('index.ts'),
};

/** Builds into `out/studio/` and returns the server's file. */
export async function buildStudio() {
  await mkdir(`${out}page`, { recursive: true });
  await Promise.all([
    build({
      entryPoints: [path('server/main.ts')],
      outfile: `${out}server.mjs`,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      alias,
      logLevel: 'error',
    }),
    build({
      entryPoints: [path('page/main.ts'), path('page/style.css')],
      outdir: `${out}page`,
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      alias,
      logLevel: 'error',
    }),
    copyFile(path('page/index.html'), `${out}page/index.html`),
    copyFile(path('page/icon.svg'), `${out}page/icon.svg`),
  ]);
  await compressPage();
  return `${out}server.mjs`;
}

/** Writes each file of the page compressed as well: the server sends what the browser accepts. */
async function compressPage() {
  const names = (await readdir(`${out}page`)).filter((name) => /\.(?:html|js|css|svg)$/.test(name));
  await Promise.all(
    names.map(async (name) => {
      const file = `${out}page/${name}`;
      const bytes = await readFile(file);
      await writeFile(`${file}.gz`, await promisify(gzip)(bytes));
      await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes));
    }),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const server = await buildStudio();
  await import(pathToFileURL(server).href);
}
