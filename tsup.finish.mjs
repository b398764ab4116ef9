// Finishes what tsup built: two things that it has no setting for.
import { readdir, readFile, writeFile } from 'node:fs/promises';

const here = `${process.cwd()}/dist/`.replaceAll('\\', '/');

for (const name of await readdir('dist')) {
  const file = `dist/${name}`;
  // sucrase leaves this machine's paths in the maps of the CommonJS build.
  if (name.endsWith('.cjs.map')) {
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(here, ''));
  }
  // These two entries need Node's types (URL, Blob, AbortSignal), which a project need not have loaded itself. The
  // others are for browsers too, where Node's types would get in the way.
  if (/^(?:index|testing)\.d\.c?ts$/.test(name)) {
    await writeFile(file, `/// <reference types="node" />\n${await readFile(file, 'utf8')}`);
  }
}
