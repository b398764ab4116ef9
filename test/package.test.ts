// The package as users get it: packed, installed into an empty project, and used from there as ESM, CommonJS and
// TypeScript; and what a process that uses it does when it has nothing more to do.
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'wavespeed-kling-package-'));
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const pack = ['pack', '--json', '--pack-destination', project, ...quiet];
  // `prepack` builds; a build that is newer than every source need not be made again.
  if (isBuilt()) pack.push('--ignore-scripts');
  const { stdout } = await run('npm', pack, { cwd: root });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  await run('npm', ['install', join(project, filename), ...quiet], { cwd: project });
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Tells whether the build is there and newer than what it is made from. */
function isBuilt(): boolean {
  const sources = [
    ...filesBelow(join(root, 'src')),
    ...['package.json', 'tsup.config.ts', 'tsup.cli.config.ts', 'tsup.edge.config.ts', 'tsup.finish.mjs'].map(
      (name) => join(root, name),
    ),
  ];
  // The types are what is built last.
  const built = statSync(join(root, 'dist/index.d.cts'), { throwIfNoEntry: false });
  return built !== undefined && sources.every((file) => statSync(file).mtimeMs < built.mtimeMs);
}

/** The newest TypeScript, which compiles several times faster than the one before it. */
const compilerOf = (name = 'typescript-7') => join(root, 'node_modules', name, 'bin', 'tsc');

const installed = (...path: string[]) => join(project, 'node_modules', 'wavespeed-kling', ...path);

/** Lists the files of a folder and those below it. */
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('the packed files', () => {
  test('are the build and the texts, without source maps', () => {
    const names = readdirSync(installed()).sort();
    const texts = [
      'AGENTS.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'docs',
      'examples',
      'package.json',
      'skills',
    ];
    expect(names).toEqual([...texts, 'dist'].sort());
    const kinds = new Set(
      filesBelow(installed('dist')).map((file) => file.slice(file.indexOf('.', file.lastIndexOf('/')))),
    );
    expect([...kinds].sort()).toEqual(['.cjs', '.d.cts', '.d.ts', '.js', '.txt']);
  });

  test('have the licence of every package whose code is in them', () => {
    // The package's own name stands in the text of a model that the command writes.
    const isLeftOut = (name: string) =>
      ['undici', 'bullmq', 'ioredis', 'msw', 'wavespeed-kling'].includes(name);
    const imported = filesBelow(join(root, 'src')).flatMap((file) => {
      const lines = readFileSync(file, 'utf8').matchAll(
        /^(?:import|export) (?!type )[^;]*? from '([^'.][^']*)'/gm,
      );
      return [...lines].map(([, path = '']) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? '');
    });
    const packages = new Set(imported.filter((name) => !name.startsWith('node:') && !isLeftOut(name)));
    expect(packages).toContain('zod');
    const file = readFileSync(installed('dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    const [intro, ...licences] = file.split(/^-{80}$/m);
    expect(intro).toContain('contains code of these packages');
    const listed = licences.map((text) => text.trim().split(' ')[0] ?? '');
    for (const name of packages) expect(listed).toContain(name);
    // Dependencies of dependencies.
    for (const name of ['is-network-error', 'token-types']) expect(listed).toContain(name);
    for (const text of licences) {
      expect(text).toMatch(/Copyright[^]*(?:Permission (?:is hereby granted|to use)|Redistribution)/i);
    }
  });

  test('take at most 2.5 MB', () => {
    const bytes = filesBelow(installed()).reduce((sum, file) => sum + statSync(file).size, 0);
    expect(bytes).toBeLessThanOrEqual(2_500_000);
  });

  test('have what the README points to', () => {
    const text = readFileSync(installed('README.md'), 'utf8');
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? '');
    expect(targets).toContain('docs/validators.md');
    // The picture is shown by the repository and the registry, which take it from there.
    const files = [...targets, 'examples/demo.mjs'].filter((target) => target !== 'docs/cli.svg');
    for (const target of files) expect(existsSync(installed(target)), target).toBe(true);
  });

  test('contain no devDependencies, and no copy of package.json', () => {
    for (const file of filesBelow(installed('dist'))) {
      const text = readFileSync(file, 'utf8');
      expect(text.includes('devDependencies'), file).toBe(false);
      expect(text.includes('@arethetypeswrong'), file).toBe(false);
    }
  });

  test('have declarations without file headers, and with the types of the platform at their end', () => {
    const files = filesBelow(installed('dist')).filter((file) => file.endsWith('.d.cts'));
    expect(files.length).toBeGreaterThan(12);
    for (const file of files) {
      const text = readFileSync(file, 'utf8');
      // A comment that documents nothing: before an empty line, another comment or an import.
      expect(text, file).not.toMatch(/^\/\*\*(?:(?!\*\/)[^])*\*\/\n(?:\s*\n|\/\*\*|import |export \{)/m);
      const own = text.indexOf('\n// The project');
      expect(own, file).toBeGreaterThanOrEqual(0);
      expect(text.slice(0, own), file).not.toContain('typeof globalThis');
    }
  });

  test('have the declarations once: the ones for ESM are those for CommonJS', () => {
    const files = filesBelow(installed('dist')).filter((file) => file.endsWith('.d.ts'));
    expect(files).toHaveLength(7);
    for (const file of files) {
      const text = readFileSync(file, 'utf8');
      expect(text, file).toBe(`export * from './${basename(file, '.d.ts')}.cjs';\n`);
    }
  });

  test('name no path of the machine they were built on', () => {
    for (const file of filesBelow(installed())) {
      expect(readFileSync(file, 'utf8').includes(root), file).toBe(false);
    }
  });
});

test.each(['smoke.mjs', 'smoke.cjs', 'smoke-cli.mjs'])(
  '%s: every entry loads and a video is made',
  async (file) => {
    copyFileSync(join(root, 'test/smoke', file), join(project, file));
    const { stdout } = await run(process.execPath, [file], { cwd: project });
    expect(stdout).toContain('ok');
  },
);

describe('TypeScript', () => {
  const nodenext = { module: 'nodenext', moduleResolution: 'nodenext' };
  const common = {
    ...nodenext,
    target: 'ES2022',
    lib: ['ES2022'],
    types: [],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  };
  let folders = 0;

  /** Compiles a file in a folder of the project, and returns the compiler's output. */
  async function compile(
    file: string,
    source: string,
    options: object,
    { folder = join(project, `compiled-${++folders}`), compiler = compilerOf() } = {},
  ): Promise<string> {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), source);
    const config = { compilerOptions: { ...common, ...options }, files: [file] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = await run(process.execPath, [compiler, '-p', folder], { cwd: project }).catch(
      (error: { stdout: string }) => error,
    );
    return stdout;
  }

  const node = { types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] };
  const dom = { lib: ['ES2022', 'ESNext.Disposable', 'DOM'] };
  test.each([
    ['nodenext as ESM', 'consumer.mts', node],
    ['nodenext as ESM, with TypeScript 6', 'consumer.mts', node, compilerOf('typescript')],
    ['nodenext as CommonJS', 'consumer.cts', node],
    ['bundler', 'consumer.ts', { ...node, module: 'esnext', moduleResolution: 'bundler' }],
    ['with the types of a browser in place of Node’s', 'consumer.mts', dom],
    ['with both', 'consumer.mts', { ...node, ...dom }],
  ])(
    '%s: compiles, and refuses what is wrong for the model',
    async (_, file, options, compiler = compilerOf()) => {
      const source = readFileSync(join(root, 'test/consumers/consumer.ts'), 'utf8');
      expect(await compile(file, source, options, { compiler })).toBe('');
    },
  );

  test.each([
    ['no types but the language’s', {}],
    ['a browser’s, of an older standard', { lib: ['ES2022', 'DOM'] }],
  ])('in a project with %s: every entry compiles', async (_, options) => {
    const source = `
        import { KLING_O1, WaveSpeedKling } from 'wavespeed-kling';
        import { klingO1InputSchema } from 'wavespeed-kling/schemas';
        import { startEmulator } from 'wavespeed-kling/testing';
        import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
        export const made = new WaveSpeedKling({ apiKey: 'key' }).run(KLING_O1, {
          prompt: klingO1InputSchema.parse({ prompt: 'A fox' }).prompt,
          images: ['https://example.com/a.png'],
        });
        export { createWebhookReceiver, startEmulator };`;
    for (const file of ['program.mts', 'program.cts']) {
      expect(await compile(file, source, options)).toBe('');
    }
  });

  test('under pnpm, declarations of a program name every exported schema and method without importing zod', async () => {
    // pnpm links the package, and keeps its dependencies where the program cannot resolve them.
    const folder = join(tmpdir(), `${basename(project)}-pnpm`);
    try {
      const modules = join(folder, 'node_modules');
      const store = join(modules, '.pnpm', 'wavespeed-kling@0.1.0', 'node_modules');
      cpSync(installed(), join(store, 'wavespeed-kling'), { recursive: true });
      cpSync(join(project, 'node_modules', 'zod'), join(store, 'zod'), { recursive: true });
      symlinkSync(join(store, 'wavespeed-kling'), join(modules, 'wavespeed-kling'), 'junction');
      const source = `
        import { WaveSpeedKling } from 'wavespeed-kling';
        import {
          defineModel, field, inputJsonSchemas, inputSchemas, KLING_O1, klingO1InputObject, klingO1InputSchema,
          klingO3StdInputObject, klingO3StdInputSchema, models, parseInput, predictionSchema, rule, webhookEventSchema,
          withRules,
        } from 'wavespeed-kling/schemas';
        export const schemas = {
          inputJsonSchemas, inputSchemas, klingO1InputObject, klingO1InputSchema, klingO3StdInputObject,
          klingO3StdInputSchema, models, predictionSchema, webhookEventSchema,
        };
        export const o3Pro = defineModel({
          id: 'kwaivgi/o3-pro',
          input: { prompt: field.prompt(), images: field.images({ max: 7 }), duration: field.seconds([5, 10]) },
          rules: [rule.together(5, ['images'])],
          price: ({ duration }) => duration * 0.1,
        });
        export const { inputObject, inputSchema } = o3Pro;
        export const limited = withRules(models[KLING_O1], klingO1InputObject);
        export const parse = (input: unknown) => parseInput(o3Pro, input);
        export const parseO1 = (input: unknown) => parseInput(KLING_O1, input);
        export const kling = new WaveSpeedKling({ apiKey: 'key' });
        export const { run, runMany, submit } = kling;
        export const make = () => kling.run(o3Pro, parse({ prompt: 'A fox' }));`;
      const options = { ...node, noEmit: false, declaration: true, emitDeclarationOnly: true };
      expect(await compile('program.mts', source, options, { folder })).toBe('');
      const declarations = readFileSync(join(folder, 'program.d.mts'), 'utf8');
      expect(declarations).toContain(
        'klingO1InputSchema: import("wavespeed-kling/schemas").KlingO1InputSchema',
      );
      expect(declarations).not.toMatch(/['"]zod/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('brings no types of Node into a project for browsers', async () => {
    const source = `
      import 'wavespeed-kling';
      import 'wavespeed-kling/schemas';
      import 'wavespeed-kling/testing';
      import 'wavespeed-kling/webhooks';
      export const timer: number = setTimeout(() => undefined, 1);
      // @ts-expect-error: Node's
      process.exit();`;
    expect(await compile('browser.mts', source, { lib: ['ESNext', 'DOM'], types: ['*'] })).toBe('');
    expect(existsSync(join(project, 'node_modules', '@types'))).toBe(false);
  });
});

// package.json has `zod` as a range: its types are the program's zod, its code is bundled.
describe.each([
  // Metadata of another copy of zod, such as the image limit, is not in what 4.0.0 converts to JSON Schema.
  { title: 'the oldest zod of the range', name: 'zod-4.0', version: '4.0.0', imageLimit: null },
  { title: 'the latest zod', name: 'zod', version: undefined, imageLimit: 4 },
])('in a program with $title', ({ name, version, imageLimit }) => {
  const source = `
    import { klingO1InputObject, klingO1InputSchema, models, predictionSchema, withRules } from 'wavespeed-kling/schemas';
    import * as z from 'zod';
    const body = z.object({ input: klingO1InputSchema, tasks: z.array(predictionSchema), note: z.string().optional() });
    const extended = klingO1InputObject.omit({ video: true }).extend({ projectId: z.string() });
    const parsed: z.output<typeof body> = body.parse({ input: { prompt: 'A fox' }, tasks: [{ id: 'task-1' }] });
    const duration: 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 = parsed.input.duration;
    const project: string = extended.parse({ prompt: 'A fox', projectId: 'p' }).projectId;
    const limited = withRules(models['kwaivgi/kling-video-o1/reference-to-video'], extended);
    const schema = z.toJSONSchema(body, { io: 'input' });
    const input = schema.properties?.['input'] as { properties: object; then?: { properties: { images: { maxItems: number } } } };
    console.log(JSON.stringify([
      duration, project, parsed.tasks[0]?.status, limited.safeParse({ prompt: 'A fox', projectId: 'p' }).success,
      body.safeParse({ input: { prompt: '' }, tasks: [] }).error?.issues[0]?.path,
      klingO1InputSchema instanceof z.ZodType, Object.keys(input.properties).length,
      input.then?.properties.images.maxItems ?? null,
    ]));`;

  test('schemas nest, extend and convert to JSON Schema, and compile', async () => {
    const folder = join(tmpdir(), `${basename(project)}-${name}`);
    try {
      // Copies, so that the package resolves this zod.
      const modules = join(folder, 'node_modules');
      cpSync(installed(), join(modules, 'wavespeed-kling'), { recursive: true });
      cpSync(join(root, 'node_modules', name), join(modules, 'zod'), { recursive: true });
      const manifest = readFileSync(join(modules, 'zod', 'package.json'), 'utf8');
      if (version !== undefined) expect((JSON.parse(manifest) as { version: string }).version).toBe(version);
      writeFileSync(join(folder, 'program.mts'), source);
      const compilerOptions = {
        module: 'nodenext',
        target: 'ES2022',
        lib: ['ES2022', 'DOM'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
      };
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['program.mts'] }),
      );
      const compiled = await run(process.execPath, [compilerOf(), '-p', folder]).catch(
        (error: unknown) => error,
      );
      expect(compiled).toMatchObject({ stdout: '' });
      const { stdout } = await run(process.execPath, [join(folder, 'program.mjs')]);
      expect(JSON.parse(stdout)).toEqual([5, 'p', 'unknown', true, ['input', 'prompt'], true, 6, imageLimit]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('the range of zod allows both', () => {
  const manifest = JSON.parse(readFileSync(installed('package.json'), 'utf8')) as {
    dependencies: { zod: string };
  };
  expect(manifest.dependencies.zod).toBe('^4.0.0');
});

describe('a process', () => {
  /** Runs a program of the project and tells how it ended. */
  async function outcome(program: string, env: Record<string, string> = {}) {
    const file = join(project, `program-${Math.random().toString(36).slice(2)}.mjs`);
    writeFileSync(file, program);
    const child = spawn(process.execPath, [file], { cwd: project, env: { ...process.env, ...env } });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, output };
  }

  /** A program whose service runs in a process of its own, so that only the client can keep this one alive. */
  const withService = (fault: string, body: string) => `
    import { spawn } from 'node:child_process';
    import { once } from 'node:events';
    import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
    const service = spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(`
      import { startEmulator } from 'wavespeed-kling/testing';
      const emulator = await startEmulator({ queueMs: 50, processingMs: 1000 });
      ${fault}
      console.log(emulator.url);
      const timer = setInterval(() => {
        if (emulator.requestCount({ operation: 'submit' }) === 0) return;
        clearInterval(timer);
        console.log('submit received');
      }, 20);
      setTimeout(() => process.exit(), 60_000);
      process.stdin.on('end', () => process.exit()).resume();
    `)}], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [url] = await once(service.stdout, 'data');
    service.unref(); service.stdin.unref(); service.stdout.unref();
    const kling = new WaveSpeedKling({ apiKey: 'key', baseUrl: String(url).trim() });
    const input = { prompt: 'A fox' };
    ${body}`;

  test('stays alive in mid-wait, though nothing else keeps it', async () => {
    const { output, code } = await outcome(
      withService(
        '',
        `
        kling.run(KLING_O3_STD, input, { pollIntervalMs: 300 }).then((video) => console.log('made', video.outputs.length));`,
      ),
    );
    expect(output).toBe('made 1\n');
    expect(code).toBe(0);
  });

  test('ends by itself after a run, the client not closed', async () => {
    const { output } = await outcome(
      withService(
        '',
        `
        await kling.run(KLING_O3_STD, input, { pollIntervalMs: 300, timeoutMs: 3_600_000 });
        console.log('made');`,
      ),
    );
    expect(output).toBe('made\n');
  });

  test('ends by itself after an abort in mid-submit, though the service still holds the connection', async () => {
    const { output } = await outcome(
      withService(
        `emulator.fail({ on: 'submit', kind: 'hang', when: 'headers' });`,
        `
        const controller = new AbortController();
        service.stdout.once('data', () => controller.abort());
        await kling.run(KLING_O3_STD, input, { signal: controller.signal }).catch((error) => console.log(error.name));`,
      ),
    );
    expect(output).toBe('SubmissionUnknownError\n');
  });

  test('closes after an abort in mid-submit, once the late response has arrived', async () => {
    const { output, code } = await outcome(
      withService(
        `emulator.fail({ on: 'submit', kind: 'delay', ms: 1500 });`,
        `
        const controller = new AbortController();
        service.stdout.once('data', () => controller.abort());
        const onSubmitted = ({ id }) => console.log(typeof id);
        const options = { signal: controller.signal, onSubmitted };
        await kling.run(KLING_O3_STD, input, options).catch((error) => console.log(error.name));
        await kling.close();
        console.log('closed');`,
      ),
    );
    expect(output).toBe('string\nSubmissionUnknownError\nclosed\n');
    expect(code).toBe(0);
  });

  test('ends by itself after an abort in mid-wait', async () => {
    const { output } = await outcome(
      withService(
        `emulator.fail({ on: 'result', kind: 'hang', when: 'headers', times: Infinity });`,
        `
        const controller = new AbortController();
        setTimeout(() => controller.abort('left'), 300);
        await kling.wait('some-id', { signal: controller.signal }).catch((error) => console.log(error.name, error.cause));`,
      ),
    );
    expect(output).toBe('AbortError left\n');
  });
});

test('npm pack runs the build and makes the reference, so that a stale one is never published', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: { prepack: string };
  };
  expect(manifest.scripts.prepack).toBe('npm run build && npm run docs:reference');
  expect(
    execFileSync(process.execPath, ['-p', `require('wavespeed-kling/package.json').version`], {
      cwd: project,
      encoding: 'utf8',
    }).trim(),
  ).toMatch(/^\d+\.\d+\.\d+$/);
});

test.skipIf(process.platform === 'win32')(
  'CI hands no key to what it runs: the demo would spend money',
  () => {
    const bin = join(project, 'bin');
    mkdirSync(bin);
    for (const name of ['npm', 'node']) {
      writeFileSync(join(bin, name), '#!/bin/sh\necho "$(basename $0) $* [$WAVESPEED_API_KEY]"\n', {
        mode: 0o755,
      });
    }
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, WAVESPEED_API_KEY: 'key' };
    const output = execFileSync('bash', [join(root, '.ci/run')], { env, encoding: 'utf8' });
    expect(output).toContain('npm run demo []\n');
    expect(output).not.toContain('[key]');
  },
);
