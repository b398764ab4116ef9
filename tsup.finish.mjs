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

for (const name of await readdir('dist')) {
  const file = `dist/${name}`;
  // sucrase leaves this machine's paths in the maps of the CommonJS build.
  if (name.endsWith('.cjs.map')) {
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(here, ''));
  }
  if (/\.d\.c?ts$/.test(name)) await writeFile(file, portable(await readFile(file, 'utf8')));
}
