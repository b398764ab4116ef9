// Finishes what tsup built: what it has no setting for.
import { readdir, readFile, writeFile } from 'node:fs/promises';

const here = `${process.cwd()}/dist/`.replaceAll('\\', '/');

/** What the declarations name of the web platform, which a project has from Node's types, from the DOM's, or not at all. */
const PLATFORM = ['AbortSignal', 'Blob', 'File', 'Request', 'Response', 'URL'];

/**
 * Makes declarations that need no types of Node or of the DOM: to depend on them would put Node's globals into a
 * browser's project. Each name stands for the project's own type, and for `never` where it has none.
 */
function portable(declarations) {
  const text = declarations.replaceAll('typeof globalThis.fetch', 'PlatformFetch');
  const used = PLATFORM.filter((name) => new RegExp(`\\b${name}\\b`).test(text)).map(
    (name) => `type ${name} = typeof globalThis extends { ${name}: { prototype: infer Own } } ? Own : never;`,
  );
  if (text !== declarations) {
    used.push('type PlatformFetch = typeof globalThis extends { fetch: infer Own } ? Own : never;');
  }
  // Declarations merge: these add nothing where the project has its own. zod's need the one, `await using` the other.
  const global =
    'declare global { interface URL {} interface SymbolConstructor { readonly asyncDispose: unique symbol } }';
  return [...used, global, text].join('\n');
}

/** The folders of the packages whose code was bundled. */
const bundled = new Set();

/** Takes this machine's paths out of a source map, which sucrase leaves there, and what others wrote, to save space. */
function lean(text) {
  const map = JSON.parse(text.replaceAll(here, ''));
  for (const [index, source] of map.sources.entries()) {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(source)?.[0];
    if (folder === undefined) continue;
    bundled.add(folder.replace(/^(?:\.\.\/)+/, ''));
    if (map.sourcesContent) map.sourcesContent[index] = null;
  }
  return JSON.stringify(map);
}

/** Gives the licences of what was bundled: each of them asks to go along with the code. */
async function licences() {
  const folders = [...bundled].sort((one, other) => one.localeCompare(other, 'en'));
  const texts = folders.map(async (folder) => {
    const { name, version } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${name} is bundled, and has no licence to go along with it.`);
    return `${name} ${version}\n\n${(await readFile(`${folder}/${file}`, 'utf8')).trim()}\n`;
  });
  const intro = 'The build of wavespeed-kling contains code of these packages, under these licences.\n';
  return [intro, ...(await Promise.all(texts))].join(`\n${'-'.repeat(80)}\n\n`);
}

for (const name of await readdir('dist')) {
  const file = `dist/${name}`;
  if (name.endsWith('.map')) await writeFile(file, lean(await readFile(file, 'utf8')));
  if (/\.d\.c?ts$/.test(name)) await writeFile(file, portable(await readFile(file, 'utf8')));
}
await writeFile('dist/THIRD-PARTY-LICENSES.txt', await licences());
