// Runs each project with the packed package against an emulator:
//   npm run test:consumers [-- --quick] [-- name …]
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startEmulator } from '../../dist/testing.js';
import { PROJECTS } from './projects.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const run = promisify(execFile);
const NPM_FLAGS = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !PROJECTS.some((project) => project.name === name));
if (unknown !== undefined) throw new Error(`There is no project ${unknown}.`);

/** The environment without this repository's own npm settings. */
const clean = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle)|NODE_OPTIONS|WAVESPEED_)/.test(name),
  ),
);

/** Packs the package once. */
async function pack(folder) {
  const args = ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: root });
  await rename(join(folder, JSON.parse(stdout)[0].filename), join(folder, 'wavespeed-kling.tgz'));
}

/** Returns a folder with a `node` of at least this major version, undefined if this one is new enough. */
async function nodeFolder(folder, minNode = 0) {
  if (Number.parseInt(process.versions.node, 10) >= minNode) return undefined;
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(folder, `node-${minNode}`);
  await run('npm', ['install', '--prefix', prefix, `${name}@${minNode}`, ...NPM_FLAGS], { cwd: folder });
  return join(prefix, 'node_modules', name, 'bin');
}

async function addDependencies(file, dependencies = {}) {
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  Object.assign(manifest.dependencies, dependencies);
  await writeFile(file, JSON.stringify(manifest, null, 2));
}

/** Why a project cannot run on this machine. */
class Skipped extends Error {}

/** Installs Electron, whose program is not in npm's registry. */
async function installElectron(cwd) {
  await run('npm', ['install', 'electron', '--ignore-scripts', ...NPM_FLAGS], { cwd, env: clean });
  try {
    await run('node', ['node_modules/electron/install.js'], { cwd, env: clean });
  } catch (error) {
    const reason = /^.*(?:ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN).*$/m.exec(error.stderr);
    if (reason === null) throw error;
    throw new Skipped(`Electron's program cannot be downloaded here: ${reason[0]}`);
  }
}

/** Installs and runs one project, and checks what reached the emulator. */
async function runProject(project, folder) {
  const cwd = join(folder, project.name);
  await cp(join(here, project.folder ?? project.name), cwd, { recursive: true });
  await addDependencies(join(cwd, 'package.json'), project.dependencies);
  await cp(join(here, 'make-video.mjs'), join(cwd, 'make-video.mjs'));
  await cp(join(root, 'test', 'smoke', 'smoke.mjs'), join(cwd, 'smoke.mjs'));
  await cp(join(root, 'test', 'bullmq', 'redis-server.mjs'), join(cwd, 'redis-server.mjs'));
  if (project.manager === undefined) await run('npm', ['install', ...NPM_FLAGS], { cwd, env: clean });
  else await run('npx', ['--yes', project.manager, 'install'], { cwd, env: clean });
  if (project.name === 'electron') await installElectron(cwd);
  const bin = await nodeFolder(folder, project.minNode);
  const emulator = await startEmulator({ queueMs: 10, processingMs: 10 });
  const env = {
    ...clean,
    ...(bin === undefined ? {} : { PATH: `${bin}${delimiter}${clean.PATH}` }),
    WAVESPEED_API_KEY: emulator.apiKey,
    WAVESPEED_BASE_URL: emulator.url,
  };
  try {
    await run('npm', ['test', '--silent'], { cwd, env, timeout: 300_000 });
    const submits = emulator.requestCount({ operation: 'submit' });
    const { length } = emulator.account.tasks;
    if (submits !== project.submits || length !== project.submits) {
      throw new Error(`expected ${project.submits} submits, got ${submits}, with ${length} tasks`);
    }
    if (emulator.keyLeaks.length > 0) throw new Error(`the key went to ${emulator.keyLeaks[0].path}`);
  } finally {
    await emulator.close();
  }
}

const folder = await mkdtemp(join(tmpdir(), 'wavespeed-kling-consumers-'));
const counts = { passed: 0, failed: 0, skipped: 0 };
try {
  await pack(folder);
  // npm reads the nearest package.json: this one keeps it in the folder.
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  for (const project of PROJECTS) {
    const chosen =
      positionals.length === 0 ? !values.quick || project.quick : positionals.includes(project.name);
    if (!chosen) {
      counts.skipped += 1;
      console.log(`skipped ${project.name}`);
      continue;
    }
    const start = performance.now();
    const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
    try {
      await runProject(project, folder);
      counts.passed += 1;
      console.log(`passed ${project.name} (${seconds()})`);
    } catch (error) {
      if (error instanceof Skipped) {
        counts.skipped += 1;
        console.log(`skipped ${project.name}: ${error.message}`);
        continue;
      }
      counts.failed += 1;
      console.log(
        `failed ${project.name} (${seconds()})\n${error.stdout ?? ''}${error.stderr ?? ''}${error.message}`,
      );
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
