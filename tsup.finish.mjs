// Finishes the build: what tsup has no setting for.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import { minify } from 'terser';

/** Names of the web platform in the declarations, which a project has from Node's types, from the DOM's, or not at all. */
const PLATFORM = ['AbortSignal', 'Blob', 'File', 'Request', 'Response', 'URL'];

/** A file's first comment, which tsup keeps, and which would document whatever follows it. */
const FILE_HEADER = /^\/\*\*(?:(?!\*\/)[^])*\*\/\n(?=\s*(?:\n|\/\*\*|import |export \{))/gm;

/**
 * Makes declarations that need neither Node's types nor the DOM's: a dependency on them would put Node's globals into a
 * browser's project. Each name stands for the project's own type, and for `never` where it has none.
 */
function portable(declarations) {
  const text = declarations.replace(FILE_HEADER, '').replaceAll('typeof globalThis.fetch', 'Fetch');
  const used = PLATFORM.filter((name) => new RegExp(`\\b${name}\\b`).test(text)).map(
    (name) => `type ${name} = typeof globalThis extends { ${name}: { prototype: infer Own } } ? Own : never;`,
  );
  if (declarations.includes('typeof globalThis.fetch')) {
    used.push('type Fetch = typeof globalThis extends { fetch: infer Own } ? Own : never;');
  }
  return [
    text.trim(),
    '',
    "// The project's own types of the platform, or `never` where it has none.",
    ...used,
    // Declarations merge: these add nothing where the project has its own. zod needs the one, `await using` the other.
    'declare global { interface URL {} interface SymbolConstructor { readonly asyncDispose: unique symbol } }',
    '',
  ].join('\n');
}

const { exports } = JSON.parse(await readFile('package.json', 'utf8'));
const ENTRIES = new Set(Object.keys(exports).map((path) => path.slice(2) || 'index'));

/** Makes an entry's declarations for ESM the ones for CommonJS, and removes the chunks that only the former had. */
async function declareOnce(name) {
  const entry = name.replace('.d.ts', '');
  if (ENTRIES.has(entry)) await writeFile(`dist/${name}`, `export * from './${entry}.cjs';\n`);
  else await rm(`dist/${name}`);
}

/** Folders of the bundled packages, from the comments that esbuild writes above each file. */
const bundled = new Set();

function recordBundled(code) {
  for (const [, folder] of code.matchAll(/^\/\/ (node_modules\/(?:@[^/]+\/)?[^/]+)\//gm)) bundled.add(folder);
}

/**
 * Removes whitespace and the names of local variables. Names of functions and classes stay, so that stacks can be read.
 * Short lines, because Node prints the one that throws.
 */
async function small(name, code) {
  const module = name.endsWith('.js');
  // Nothing of ours stands in a chunk of dependencies, such as the file type library.
  const minifyIdentifiers = !/^\/\/ src\//m.test(code);
  const terse = await transform(code, {
    minifyWhitespace: true,
    minifySyntax: true,
    minifyIdentifiers,
    legalComments: 'none',
    target: 'node20.18',
    ...(module ? { format: 'esm' } : {}),
  });
  const result = await minify(terse.code, {
    parse: { module },
    compress: false,
    mangle: { keep_fnames: true, keep_classnames: true },
    format: { max_line_len: 160, comments: false },
  });
  return `${result.code}\n`;
}

/** Returns the licences of the bundled packages, which must be distributed with their code. */
async function licences() {
  const folders = [...bundled].sort((one, other) => one.localeCompare(other, 'en'));
  const texts = folders.map(async (folder) => {
    const { name, version } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${name} is bundled, but has no licence file.`);
    return `${name} ${version}\n\n${(await readFile(`${folder}/${file}`, 'utf8')).trim()}\n`;
  });
  const intro = 'The build of wavespeed-kling contains code of these packages, under these licences.\n';
  return [intro, ...(await Promise.all(texts))].join(`\n${'-'.repeat(80)}\n\n`);
}

/** The compiler of Vercel's Workflow finds the class of a durable model in these by the look of their text. */
const KEPT = new Set(['ai-sdk.js', 'durable-model.js']);

for (const name of await readdir('dist')) {
  const file = `dist/${name}`;
  if (/\.c?js$/.test(name)) {
    const code = await readFile(file, 'utf8');
    recordBundled(code);
    if (!KEPT.has(name)) await writeFile(file, await small(name, code));
  }
  if (name.endsWith('.d.cts')) await writeFile(file, portable(await readFile(file, 'utf8')));
  // One copy of the declarations: ESM may import what CommonJS exports, but not the other way round.
  if (name.endsWith('.d.ts')) await declareOnce(name);
}
await writeFile('dist/THIRD-PARTY-LICENSES.txt', await licences());
