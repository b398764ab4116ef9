// A release: what it has to pass first, and that each job of the workflow does what no other does.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

test('npm publishes nothing when the consumer projects fail', () => {
  expect(scripts.prepublishOnly).toBe('npm run test:consumers');
  const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-release-'));
  try {
    const manifest = { name: 'x', version: '1.0.0', scripts: { prepublishOnly: scripts.prepublishOnly } };
    const withConsumers = (command: string) => ({
      ...manifest,
      scripts: { ...manifest.scripts, 'test:consumers': command },
    });
    const publish = () =>
      execFileSync('npm', ['publish', '--dry-run', '--loglevel=silent'], {
        cwd: folder,
        stdio: 'pipe',
        shell: process.platform === 'win32',
      });
    writeFileSync(join(folder, 'package.json'), JSON.stringify(withConsumers('node --version')));
    expect(publish).not.toThrow();
    writeFileSync(join(folder, 'package.json'), JSON.stringify(withConsumers('node missing.mjs')));
    expect(publish).toThrow();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the release workflow waits for the jobs of CI, one of which runs the consumer projects', () => {
  const release = read('.github/workflows/release.yml');
  expect(release).toContain('uses: ./.github/workflows/ci.yml');
  expect(release).toContain('needs: ci');
  expect(release).toContain("NPM_CONFIG_PROVENANCE: 'true'");
  const ci = read('.github/workflows/ci.yml');
  for (const command of [
    'npm run test:consumers',
    'node test/smoke/run.mjs',
    'npm run lint',
    'npm run typecheck',
  ]) {
    expect(ci.split(command)).toHaveLength(2);
  }
  for (const system of ['macos-latest', 'windows-latest']) expect(ci).toContain(system);
});

test('every script that the workflows call exists', () => {
  const calls = readdirSync(new URL('../.github/workflows', import.meta.url)).flatMap((name) => [
    ...read(`.github/workflows/${name}`).matchAll(/npm run ([\w:-]+)/g),
  ]);
  expect(calls.length).toBeGreaterThan(8);
  for (const [, name = ''] of calls) expect(Object.keys(scripts)).toContain(name);
});

test('every decision is listed, dated and half a page long', () => {
  const names = readdirSync(new URL('../decisions', import.meta.url)).filter((name) => name !== 'README.md');
  const list = read('decisions/README.md');
  for (const name of names) {
    expect(list).toContain(`](${name})`);
    const text = read(`decisions/${name}`);
    expect(text).toMatch(/^# .+\n\n20\d\d-\d\d-\d\d\n/);
    expect(text.split('\n').length).toBeLessThanOrEqual(30);
  }
});
