// Makes docs/api.md from the public entries with TypeDoc; with --check, exits with 1 if it is not current.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Application } from 'typedoc';

const TARGET = 'docs/api.md';
const COPY = 'out/api';

/** The entries in the order of the document: TypeDoc's name of the module, and the import. */
const ENTRIES = [
  { source: 'src/index.ts', module: 'index', name: 'wavespeed-kling' },
  { source: 'src/schemas.ts', module: 'schemas', name: 'wavespeed-kling/schemas' },
  { source: 'src/webhooks.ts', module: 'webhooks', name: 'wavespeed-kling/webhooks' },
  { source: 'src/testing/index.ts', module: 'testing', name: 'wavespeed-kling/testing' },
  { source: 'src/ai-sdk/index.ts', module: 'ai-sdk', name: 'wavespeed-kling/ai-sdk' },
  { source: 'src/bullmq/index.ts', module: 'bullmq', name: 'wavespeed-kling/bullmq' },
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

/** Turns a module's page into a chapter of the one document. */
function toChapter(page, name) {
  return (
    page
      .replace(/^# .*$/m, `# \`${name}\``)
      .replace(/^(#{1,5}) /gm, '#$1 ')
      .replace(/\]\((?:[\w-]+\.md)?(#[^)]*)\)/g, ']($1)')
      .replace(/\]\((index|schemas|webhooks|testing|ai-sdk|bullmq)\.md\)/g, '](#wavespeed-kling$1)')
      // The tests of the documentation run `ts` blocks; examples here are parts of programs.
      .replace(/^```ts$/gm, '```typescript')
      .trim()
  );
}

async function generate() {
  const folder = await mkdtemp(join(tmpdir(), 'wavespeed-kling-api-'));
  try {
    await copySources();
    const app = await Application.bootstrapWithPlugins(OPTIONS);
    const project = await app.convert();
    if (project === undefined) throw new Error('TypeDoc could not read the sources.');
    await app.outputs.writeOutput({ name: 'markdown', path: folder }, project);
    const chapters = await Promise.all(
      ENTRIES.map(async ({ module, name }) =>
        toChapter(await readFile(join(folder, `${module}.md`), 'utf8'), name),
      ),
    );
    const intro = '# API reference\n\nMade from the sources by `npm run docs:api`; do not edit.';
    return `${[intro, ...chapters].join('\n\n')}\n`;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(COPY, { recursive: true, force: true });
  }
}

const text = await generate();
if (!process.argv.includes('--check')) {
  await writeFile(TARGET, text);
} else if (text !== (await readFile(TARGET, 'utf8').catch(() => ''))) {
  process.stderr.write(`${TARGET} is not current: run \`npm run docs:api\`.\n`);
  process.exitCode = 1;
}
