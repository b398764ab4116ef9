// After `changeset version`: takes the new version over into the sources and the lock file.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const file = 'src/core/version.ts';
const source = await readFile(file, 'utf8');
await writeFile(file, source.replace(/VERSION = '[^']*'/, `VERSION = '${version}'`));
execFileSync('npm', ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
