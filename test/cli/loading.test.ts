// What a start loads: counted in files and modules, not in time. `npm run bench -- start` measures the time.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const command = join(dist, 'cli.js');
if (!existsSync(command)) throw new Error('dist/cli.js is missing: run `npm run build` before these tests.');

/** Returns what a program prints, and the files of the build that it has loaded. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-loading-'));
  try {
    const { WAVESPEED_API_KEY: _, ...rest } = process.env;
    const stdout = execFileSync(process.execPath, args, {
      encoding: 'utf8',
      // V8 lists each script that it has loaded.
      env: { ...rest, NODE_V8_COVERAGE: folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const scripts = readdirSync(folder).flatMap((name) => {
      const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
        result: { url: string }[];
      };
      return result.map(({ url }) => url);
    });
    const own = scripts.filter((url) => url.startsWith('file:') && fileURLToPath(url).startsWith(dist));
    return { stdout, files: own.map((url) => basename(url)).sort() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files of the build, without the hash in their names. */
const nameOf = (file: string) => file.replace(/-[A-Z0-9]{8}\.js$/, '.js');

test.each(['--version', '-V'])('%s loads one file', (flag) => {
  const { stdout, files } = run([command, flag]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(files).toEqual(['cli.js']);
});

const hasZod = (code: string) => code.includes('ZodError');

test('price without a key loads its own command and no zod, not the client and not the other commands', () => {
  const { stdout, files } = run([command, 'price', 'o3-std', '--duration', '10']);
  expect(stdout).toBe('0.84\n');
  const named = files.map(nameOf).filter((name) => name !== 'chunk.js');
  expect(named).toEqual(['cli.js', 'inputs.js', 'price.js', 'program.js']);
  expect(files.filter((name) => hasZod(readFileSync(join(dist, name), 'utf8')))).toEqual([]);
});

test.each([
  ['a price', 'estimateCost(KLING_O1, { duration: 8 })', false],
  ['a check of an input', "parseInput(KLING_O1, { prompt: 'A fox' })", false],
  ['a schema', 'klingO1.inputSchema', true],
])('a program with %s, bundled from the build (%s), has zod: %s', async (_, code, expected) => {
  const names = 'estimateCost, KLING_O1, klingO1, parseInput';
  const contents = `import { ${names} } from './schemas.js'; console.log(${code});`;
  for (const resolveDir of [dist, join(dist, 'edge')]) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      logLevel: 'error',
      write: false,
    });
    expect(hasZod(outputFiles[0]?.text ?? ''), resolveDir).toBe(expected);
  }
});

test('the help of the program loads all commands', () => {
  const { stdout, files } = run([command, '--help']);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) (?:\[options\]|<)/gm)].map(([, name = '']) => name);
  expect(commands.length).toBeGreaterThan(10);
  expect(files.map(nameOf)).toEqual(expect.arrayContaining(commands.map((name) => `${name}.js`)));
});

test('a command runs where its compiled code cannot be kept', () => {
  const file = join(dist, 'cli.js');
  // A directory below a file cannot be made.
  const { stdout } = run([command, 'price', 'o3-std'], { NODE_COMPILE_CACHE: join(file, 'cache') });
  expect(stdout).toBe('0.42\n');
});

/** Modules of Node that a statement loads, beyond those of an empty program. */
function modulesOf(statement: string): string[] {
  const list = (code: string) => {
    const program = `${code}; console.log(JSON.stringify(process.moduleLoadList))`;
    const args = ['--input-type=module', '-e', program];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', cwd: dist })) as string[];
  };
  const empty = new Set(list('await import("node:path")'));
  return list(statement)
    .filter((name) => !empty.has(name) && /^NativeModule (?!internal\/)/.test(name))
    .map((name) => name.slice('NativeModule '.length));
}

test.each(['wavespeed-kling', 'wavespeed-kling/schemas'])(
  "import '%s' loads none of Node's modules that are slow to load, and not undici",
  (entry) => {
    const loaded = modulesOf(`await import('${entry}')`);
    // The control: the list names a module that is loaded.
    expect(modulesOf("await import('node:http')")).toContain('http');
    for (const slow of ['crypto', 'http', 'https', 'net', 'tls', 'zlib', 'child_process', 'worker_threads'])
      expect(loaded).not.toContain(slow);
  },
);
