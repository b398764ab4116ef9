// The size of wavespeed-kling/schemas in a browser, bundled, tree-shaken and minified, and what it imports.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import type * as Schemas from 'wavespeed-kling/schemas';
import { KLING_O1, KLING_O3_STD, klingO3StdInputSchema, models } from 'wavespeed-kling/schemas';
import * as z from 'zod';

const root = fileURLToPath(new URL('../../', import.meta.url));

async function bundle(contents: string, format: 'esm' | 'iife' = 'esm') {
  const result = await build({
    stdin: { contents, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format,
    globalName: 'schemas',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
  });
  return { code: result.outputFiles[0]?.text ?? '', inputs: Object.entries(result.metafile.inputs) };
}

const ALL = "export * from './src/schemas.ts'";

// Bytes, minified, not compressed: the same on every machine. The comments are the sizes when the budgets were set.
test.each([
  ['everything', ALL, 141_000], // 137,378 (42 KB gzipped), of it 93,000 zod
  ['one input schema', "export { klingO1InputSchema } from './src/schemas.ts'", 117_000], // 113,735
  ['reading tasks', "export { predictionSchema } from './src/schemas.ts'", 66_000], // 61,806
  ['prices', "export { estimateCost } from './src/schemas.ts'", 23_000], // 21,328, without zod
  ['checking files', "export { checkFile } from './src/schemas.ts'", 8_000],
  ['an id', "export { KLING_O1 } from './src/schemas.ts'", 200], // 73
])('%s stays within its budget', async (_, contents, budget) => {
  const { code } = await bundle(contents);
  expect(Buffer.byteLength(code)).toBeLessThanOrEqual(budget);
});

test('prices and checks of inputs come without zod', async () => {
  const { code } = await bundle("export { estimateCost, parseInput } from './src/schemas.ts'");
  expect(code).not.toContain('ZodError');
  // The control.
  expect((await bundle("export { klingO1 } from './src/schemas.ts'")).code).toContain('ZodError');
});

test('the schemas entry imports only zod and the rooms without Node', async () => {
  const { code, inputs } = await bundle(ALL);
  const foreign = inputs
    .map(([path]) => path)
    .filter(
      (path) =>
        !/^(src\/schemas\.ts|src\/(?:utils|core|models)\/.*|node_modules\/zod\/.*|<stdin>)$/.test(path),
    );
  expect(foreign).toEqual([]);
  expect(inputs.flatMap(([, { imports }]) => imports).filter(({ external }) => external)).toEqual([]);
  expect(code).not.toMatch(/["']node:/);
});

test('the schemas entry runs without any platform API', async () => {
  const { code } = await bundle(ALL, 'iife');
  const result: unknown = runInNewContext(
    `${code};
    const request = schemas.parseInput(schemas.KLING_O1, { prompt: 'A fox' });
    let refused;
    try { schemas.parseInput(schemas.KLING_O1, { prompt: '' }); } catch (error) { refused = error.name; }
    JSON.stringify([request.duration, refused, schemas.estimateCost(schemas.KLING_O1, request),
      Object.keys(schemas.inputJsonSchemas[schemas.KLING_O3_STD].properties).length,
      typeof process, typeof require, typeof URL, typeof structuredClone]);`,
    {},
  );
  expect(result).toBe('[5,"InvalidInputError",0.56,7,"undefined","undefined","undefined","undefined"]');
});

test("schemas with a bundled zod work with the program's own zod", async () => {
  const { code } = await bundle(ALL);
  const directory = await mkdtemp(join(tmpdir(), 'wavespeed-kling-'));
  try {
    const file = join(directory, 'schemas.mjs');
    await writeFile(file, code);
    const copy = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as typeof Schemas;
    const foreign = copy.klingO3StdInputSchema;
    expect(foreign).not.toBe(klingO3StdInputSchema);
    expect(foreign).toBeInstanceOf(z.ZodType);
    expect(z.toJSONSchema(foreign, { io: 'input' })).toEqual(
      z.toJSONSchema(klingO3StdInputSchema, { io: 'input' }),
    );
    expect(z.object({ input: foreign }).safeParse({ input: { prompt: '' } }).error?.issues[0]?.message).toBe(
      'got "" (a string); expected a non-empty string, not only whitespace',
    );
    expect(
      copy.klingO1InputObject.extend({ user: z.email() }).safeParse({ prompt: 'A fox', user: 'me' }).success,
    ).toBe(false);
    // A model made by the one copy is a model to the other.
    expect(copy.isDefinedModel(models[KLING_O1])).toBe(true);
    expect(copy.KLING_O3_STD).toBe(KLING_O3_STD);
  } finally {
    await rm(directory, { recursive: true });
  }
});
