// What agents read: the index names every page and only pages, and each page begins with what it answers.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
// The generated reference is in a folder.
const pages = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const SKILL = 'skills/wavespeed-kling/SKILL.md';

describe('AGENTS.md', () => {
  const targets = [...read('AGENTS.md').matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] ?? '');

  test('indexes every page of docs/ once', () => {
    expect(targets.filter((target) => target.startsWith('docs/')).sort()).toEqual([...pages].sort());
  });

  test('links only to files that are there, and in the package', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    for (const target of targets) {
      expect(existsSync(join(root, target)), target).toBe(true);
      expect(files, target).toContain(target.split('/')[0]);
    }
    expect(files).toContain('AGENTS.md');
  });
});

test.each(pages)('%s begins with a sentence that says what it answers', (page) => {
  const [title = '', first = ''] = read(page).split(/\n{2,}/);
  expect(title).toMatch(/^# \S/);
  expect(first).toMatch(/^[A-Z`[][^]*\.|^[A-Z`[][^]*:$/);
});

describe('the skill', () => {
  test('has a name and a description that says when to use it', () => {
    const [, head = ''] = /^---\n([^]*?)\n---\n/.exec(read(SKILL)) ?? [];
    expect(head).toMatch(/^name: wavespeed-kling$/m);
    expect(head).toMatch(/^description: .{50,1000}Use when /m);
  });

  test('names only what the entries export', async () => {
    const library = await import('wavespeed-kling');
    const names = [...read(SKILL).matchAll(/kling\.(\w+)\(/g)].map((match) => match[1] ?? '');
    expect(names).toContain('runMany');
    for (const name of names) expect(library.WaveSpeedKling.prototype, name).toHaveProperty(name);
    for (const [, name = ''] of read(SKILL).matchAll(/`(\w+Error)`/g)) expect(library).toHaveProperty(name);
  });
});
