// Models on the command line: the service's list, a model as a file, and flags made from the models' fields.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { defineModel, field, KLING_O3_PRO, KLING_O3_STD, KLING_V4, models } from 'wavespeed-kling/schemas';
import * as z from 'zod';
import { modelSource } from '../../src/cli/model-source.js';
import { IMAGE, setUp } from './support.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const clip = 'https://example.com/clip.mp4';

/** Compiles modules as a program with strict settings would; returns what the compiler says. */
function compile(directory: string, sources: Readonly<Record<string, string>>): string[] {
  const files = Object.entries(sources).map(([name, source]) => {
    const file = join(directory, name);
    writeFileSync(file, source);
    return file;
  });
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    paths: {
      'wavespeed-kling/schemas': [join(root, 'src/schemas.ts')],
      zod: [join(root, 'node_modules/zod')],
    },
  });
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file !== undefined && files.includes(file.fileName))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

/** Lets files of a directory import the package and zod. */
function linkPackages(directory: string): void {
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(root, join(directory, 'node_modules', 'wavespeed-kling'), 'junction');
  symlinkSync(join(root, 'node_modules', 'zod'), join(directory, 'node_modules', 'zod'), 'junction');
}

describe.concurrent('models', () => {
  test('lists the reference-to-video models of the service', async () => {
    const { run } = await setUp();
    const { code, stdout } = await run(['models']);
    const lines = stdout.trim().split('\n');
    expect(code).toBe(0);
    expect(lines).toHaveLength(Object.keys(models).length);
    expect(lines).toContain(`${KLING_O3_STD}\to3-std\t0.42\tbuilt in`);
    expect(lines).toContain(`${KLING_V4}\tv4\t0.785\tbuilt in`);
    const json = (await run(['models', '--json'])).stdout.trim().split('\n');
    expect(JSON.parse(json[0] ?? '')).toHaveProperty('api_schema');
  });

  test('with a model prints a file that runs as --model-file, its price asked of the service', async () => {
    const { run, directory, emulator, write } = await setUp();
    const { code, stdout } = await run(['models', 'v4']);
    expect(code).toBe(0);
    expect(stdout).toContain(`id: "${KLING_V4}"`);
    linkPackages(directory);
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    write('v4.mjs', [ts.transpileModule(stdout, { compilerOptions: options }).outputText]);
    const args = ['--model-file', 'v4.mjs', '-p', '@Image1 runs', '--image', IMAGE, '--resolution', '1080p'];
    const ran = await run(['run', ...args, '--duration', '6', '--max-cost', '5']);
    expect(ran.stderr).not.toContain('✖');
    expect(ran.code).toBe(0);
    expect(emulator.account.tasks[0]).toMatchObject({
      model: KLING_V4,
      input: { resolution: '1080p', duration: 6, images: [expect.stringContaining('http')] },
    });
    expect(emulator.requestCount({ operation: 'price' })).toBe(1);
    expect((await run(['price', '--model-file', 'v4.mjs', '--duration', '6'])).stdout).toBe('0.942\n');
    const both = await run(['run', 'v4', ...args]);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('give one of them')]);
  });

  test('a batch takes a --model-file for rows that name its model, by id or short name, or none', async () => {
    const { run, directory, emulator, write } = await setUp();
    linkPackages(directory);
    write('mine.mjs', [
      "import { defineModel, field } from 'wavespeed-kling';",
      `export default defineModel({ id: ${JSON.stringify(KLING_V4)}, shortName: 'mine', input: {`,
      '  prompt: field.prompt(), images: field.images({ max: 10 }), duration: field.seconds(3, 30),',
      '}, price: ({ duration }) => duration * 0.157 });',
    ]);
    const rows = [
      { prompt: 'none', images: [IMAGE], duration: 20 },
      { prompt: 'short', model: 'mine' },
      { prompt: 'id', model: KLING_V4 },
      { prompt: 'other', model: 'o1' },
    ];
    const ended = await run(['batch', write('rows.jsonl', rows), '--model-file', 'mine.mjs']);
    expect(ended.stderr).toContain('4 tasks, $5.27 at most.');
    expect(ended.code).toBe(0);
    const made = emulator.account.tasks.map(({ model, input }) => [input.prompt, model]);
    expect(Object.fromEntries(made)).toEqual({
      none: KLING_V4,
      short: KLING_V4,
      id: KLING_V4,
      other: 'kwaivgi/kling-video-o1/reference-to-video',
    });
    expect(made).toHaveLength(4);

    const csv = write('rows.csv', ['prompt,duration', 'A hare,30']);
    expect((await run(['batch', csv, '--model-file', 'mine.mjs'])).code).toBe(0);
    expect(emulator.account.tasks.at(-1)).toMatchObject({ model: KLING_V4, input: { duration: 30 } });
    const without = await run(['batch', csv]);
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('no column "model"')]);
  });

  test('says why a --model-file cannot be used', async () => {
    const { run, write } = await setUp();
    write('empty.mjs', ['export default { id: "a/b" };']);
    write('types.ts', ['enum A { B }', 'export default A;']);
    const of = async (file: string) => (await run(['run', '--model-file', file, '-p', 'x'])).stderr;
    expect(await of('empty.mjs')).toContain('its default export is not a model made by defineModel');
    expect(await of('missing.mjs')).toContain('missing.mjs: cannot be loaded');
    expect(await of('types.ts')).toMatch(/cannot load TypeScript; use Node 22|cannot be loaded|not a model/);
    const { code, stderr } = await run(['run', '-p', 'x']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('No model: expected')]);
  });

  test('of an unknown model says that the service does not list it', async () => {
    const { run } = await setUp();
    const { code, stderr } = await run(['models', 'kwaivgi/kling-v9/reference-to-video']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('does not list "kwaivgi/kling-v9')]);
  });
});

test('the file of every model compiles, and takes what the service takes', async () => {
  const { directory } = await setUp();
  const odd = {
    type: 'object',
    required: ['prompt', 'mode'],
    properties: {
      prompt: { type: 'string', description: 'ends a comment */ early' },
      mode: { type: 'string', enum: ['a"b', 'c'] },
      seed: { type: 'integer', minimum: -1, maximum: 2_147_483_647, default: -1 },
      cfg: { type: 'number', default: 0.5 },
      'negative-prompt': { type: 'string', default: '' },
      element_list: { type: 'array', items: { type: 'object', properties: {} }, maxItems: 3 },
      reference_images: { type: 'array', items: { type: 'string' } },
      voice: { type: 'string' },
      duration: { type: 'integer', enum: [5, 10], default: 10 },
      anything: {},
    },
  };
  const sources: Record<string, string> = { 'odd.ts': modelSource('kwaivgi/odd/reference-to-video', odd) };
  for (const [id, { inputJsonSchema }] of Object.entries(models)) {
    sources[`${id.replaceAll('/', '_')}.ts`] = modelSource(id, inputJsonSchema);
  }
  expect(compile(directory, sources)).toEqual([]);
  expect(sources['odd.ts']).toContain('reference_images: field.images()');
  expect(sources['odd.ts']).toContain('duration: field.seconds([5,10]).removeDefault().default(10)');
  expect(sources['odd.ts']).toContain('seed: z.int().min(-1).max(2147483647).default(-1)');
});

describe.concurrent('flags of a request', () => {
  test('come from the models: lists, enums, booleans, and --param for the rest', async () => {
    const { run, emulator } = await setUp();
    const args = [
      '--image',
      clip,
      '--image',
      clip,
      '--video',
      clip,
      '--video',
      clip,
      '--audio',
      'https://a.b/c.mp3',
    ];
    const { code, stderr } = await run([
      'run',
      'v4',
      '-p',
      '@Image2 and @Video2',
      ...args,
      '--keep-original-sound',
      '--param',
      'resolution=4k',
      '--param',
      'dynamic_range=hdr',
      '--duration',
      '12',
    ]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('✖')]);
    expect(emulator.account.tasks[0]?.input).toMatchObject({
      images: [clip, clip],
      videos: [clip, clip],
      audios: ['https://a.b/c.mp3'],
      keep_original_sound: true,
      resolution: '4k',
      dynamic_range: 'hdr',
      duration: 12,
    });
  });

  test.for<[string, string[], RegExp]>([
    [
      'a second video where the model takes one',
      ['o3-std', '--video', clip, '--video', clip],
      /--video: .* takes one; got 2/,
    ],
    [
      'a field of another model',
      ['o1', '--resolution', '4k'],
      /resolution: not supported by .*; remove it, or use .*v4/,
    ],
    ['audio where the model has none', ['o1', '--audio', 'https://a.b/c.mp3'], /audios: not supported by/],
    ['an unknown field', ['o1', '--param', 'seed=5'], /seed: not a field of/],
    [
      'a field given twice',
      ['o1', '--duration', '5', '--param', 'duration=9'],
      /duration: it was given more than once/,
    ],
    ['a --param without a value', ['o1', '--param', 'seed'], /expected a name and a value/],
    ['what a rule forbids', ['o3-pro', '--sound', '--video', clip], /sound: got true with a reference video/],
  ])('%s is refused, and nothing is sent', async ([, args, message]) => {
    const { run, emulator } = await setUp();
    const { code, stderr } = await run(['run', ...args, '-p', 'A fox']);
    expect(stderr).toMatch(message);
    expect([code, emulator.requests.length]).toEqual([2, 0]);
  });

  test('price takes them too, and says where only the service knows', async () => {
    const { run } = await setUp({ prices: { [KLING_O3_PRO]: 1.25 } });
    expect((await run(['price', 'o3-pro', '--param', 'sound=true'])).stdout).toBe('1.25\n');
    const offline = { env: { WAVESPEED_API_KEY: '' } };
    const { code, stderr } = await run(['price', 'o3-pro'], offline);
    expect([code, stderr]).toEqual([4, expect.stringContaining('Only the service knows the price')]);
    expect((await run(['price', 'v4', '--duration', '10'], offline)).stdout).toBe('1.57\n');
  });
});

test('doctor names fields, limits and prices of the service that differ', async () => {
  const { sound: _, ...fields } = models[KLING_O3_STD].inputObject.shape;
  const changed = defineModel({
    id: KLING_O3_STD,
    input: { ...fields, images: field.images({ max: 9 }), seed: z.int().optional() },
    price: ({ duration, video }) => duration * (video === undefined ? 0.1 : 0.126),
  });
  const { run, emulator } = await setUp({ models: [changed] });
  const { code, stdout } = await run(['doctor']);
  expect(stdout).toMatch(
    /^differs\tfields o3-std\tunknown there: sound; missing here: seed; images: at most 9 there, 7 here$/m,
  );
  expect(stdout).toMatch(/^ok\tfields v4\t9 fields, as here$/m);
  expect(stdout).toMatch(/^ok\tprice o3-pro with a video\t\$1 at the service, not known here$/m);
  expect(stdout).toMatch(/^differs\tprice o3-std\t\$0\.5 at the service, \$0\.42 here$/m);
  expect(stdout).toMatch(/^ok\tprice o3-std with a video\t\$0\.63 at the service, \$0\.63 here$/m);
  expect(stdout).toMatch(/^ok\tprice v4 at 4k\t/m);
  expect(code).toBe(1);
  expect(emulator.requestCount({ operation: 'submit' })).toBe(0);
});
