// Makes docs/reference/, a page for each public entry, with TypeDoc.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Application } from 'typedoc';

const TARGET = 'docs/reference';
const COPY = 'out/api';

/** TypeDoc's name of the module, and the import. */
const ENTRIES = [
  { source: 'src/index.ts', module: 'index', name: 'wavespeed-kling' },
  { source: 'src/schemas.ts', module: 'schemas', name: 'wavespeed-kling/schemas' },
  { source: 'src/webhooks.ts', module: 'webhooks', name: 'wavespeed-kling/webhooks' },
  { source: 'src/testing/index.ts', module: 'testing', name: 'wavespeed-kling/testing' },
  { source: 'src/ai-sdk/index.ts', module: 'ai-sdk', name: 'wavespeed-kling/ai-sdk' },
  { source: 'src/bullmq/index.ts', module: 'bullmq', name: 'wavespeed-kling/bullmq' },
  { source: 'src/sql/index.ts', module: 'sql', name: 'wavespeed-kling/sql' },
];

const OPTIONS = {
  entryPoints: ENTRIES.map(({ source }) => `${COPY}/${source}`),
  tsconfig: `${COPY}/tsconfig.json`,
  plugin: ['typedoc-plugin-markdown'],
  readme: 'none',
  logLevel: 'Error',
  sort: ['source-order'],
  disableSources: true,
  disableGit: true,
  excludePrivate: true,
  excludeProtected: true,
  excludeInternal: true,
  excludeExternals: true,
  hideGenerator: true,
  validation: false,
  outputFileStrategy: 'modules',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  tableColumnSettings: { hideInherited: true, hideOverrides: true },
};

/** Copies the sources, because TypeDoc drops the class of `@throws {Class} …`, also one in backticks at the beginning. */
async function copySources() {
  await rm(COPY, { recursive: true, force: true });
  await cp('src', `${COPY}/src`, { recursive: true });
  for (const entry of await readdir(`${COPY}/src`, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const source = await readFile(file, 'utf8');
    await writeFile(file, source.replace(/@throws \{(\w+)\}/g, '@throws error `$1`'));
  }
  const config = { extends: '../../tsconfig.json', compilerOptions: { types: ['node'] }, include: ['src'] };
  await writeFile(`${COPY}/tsconfig.json`, JSON.stringify(config));
}

/** Gives a module's page its heading and first sentence, marks its examples as parts of programs, and removes unused anchors. */
function toPage(page, name) {
  return (
    page
      .replace(
        /^# .*$/m,
        `# \`${name}\`\n\nEvery export of \`${name}\`: its parameters, types, defaults and errors.`,
      )
      // Examples here are parts of programs.
      .replace(/^```ts$/gm, '```typescript')
      .replace(/<a id="([^"]+)"><\/a> /g, (anchor, id) => (page.includes(`#${id})`) ? anchor : ''))
      .trim()
      .concat('\n')
  );
}

const folder = await mkdtemp(join(tmpdir(), 'wavespeed-kling-api-'));
try {
  await copySources();
  const app = await Application.bootstrapWithPlugins(OPTIONS);
  const project = await app.convert();
  if (project === undefined) throw new Error('TypeDoc could not read the sources.');
  await app.outputs.writeOutput({ name: 'markdown', path: folder }, project);
  await rm(TARGET, { recursive: true, force: true });
  await mkdir(TARGET, { recursive: true });
  for (const { module, name } of ENTRIES) {
    await writeFile(
      join(TARGET, `${module}.md`),
      toPage(await readFile(join(folder, `${module}.md`), 'utf8'), name),
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
  await rm(COPY, { recursive: true, force: true });
}
