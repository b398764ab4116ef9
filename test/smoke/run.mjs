// Installs the packed package beside each Node given as an argument and runs the smoke tests there.
//   node test/smoke/run.mjs 20.18.1 22 24 26
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const FILES = ['smoke.mjs', 'smoke.cjs', 'smoke-cli.mjs'];
const versions = process.argv.slice(2);
if (versions.length === 0) throw new Error('Name at least one version of Node, such as 20.18.1.');

const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-smoke-'));
/** @param {string[]} args */
const npm = (...args) =>
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    encoding: 'utf8',
  });
try {
  const packed = execFileSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  const [{ filename }] = JSON.parse(packed);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  npm('install', join(folder, filename));
  for (const file of FILES) copyFileSync(join(here, file), join(folder, file));
  for (const version of versions) {
    // A package that holds the Node binary: no other download is needed.
    npm(
      'install',
      '--no-save',
      '--prefix',
      join(folder, version),
      `node-${process.platform}-${process.arch}@${version}`,
    );
    const binary = join(
      folder,
      version,
      'node_modules',
      `node-${process.platform}-${process.arch}`,
      'bin',
      'node',
    );
    for (const file of FILES) {
      execFileSync(binary, ['--throw-deprecation', file], { cwd: folder, stdio: 'inherit', timeout: 60_000 });
    }
  }
  console.log(`smoke-tested on ${versions.length} versions of Node, as ESM, as CommonJS and as a command`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
