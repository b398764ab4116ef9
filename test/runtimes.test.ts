// docs/runtimes.md says what runs where: each row names the projects that show it, and each project is in a row.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PROJECTS } from './consumers/projects.mjs';

const page = readFileSync(new URL('../docs/runtimes.md', import.meta.url), 'utf8');

test('every row of the tables names projects of test:consumers, and every project is named', () => {
  const names = PROJECTS.map(({ name }) => name);
  const header = /^\|.*\| tested by +\|$/;
  const rows = page
    .split(/\n{2,}/)
    .map((block) => block.split('\n'))
    .filter(([first = '']) => header.test(first))
    .flatMap((lines) => lines.slice(2));
  expect(rows.length).toBeGreaterThan(15);
  const named = rows.map((row) => {
    const tests = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    return tests.flatMap((test) => {
      const pattern = new RegExp(`^${test.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
      return names.filter((name) => pattern.test(name));
    });
  });
  expect(rows.filter((_, index) => named[index]?.length === 0)).toEqual([]);
  expect(names.filter((name) => !named.flat().includes(name))).toEqual([]);
});
