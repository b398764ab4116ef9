// Every TypeScript snippet of the README and of docs/ compiles, runs as it stands on the emulator, and prints what it says it prints.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { KLING_O3_STD, SubmissionUnknownError } from 'wavespeed-kling';
import { closeAll, emulator, WaveSpeedKling } from './readme/harness.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'out', 'readme');
const texts = [
  'README.md',
  'skills/wavespeed-kling/SKILL.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
];

/** Names that a snippet may take from the ones before it, or from the reader's own program. */
const GIVEN = ['kling', 'save', 'input'];

const snippets = texts
  .filter((text) => text.endsWith('.md'))
  .flatMap((text) => {
    const content = readFileSync(join(root, text), 'utf8');
    return [...content.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => {
      const code = match[1] ?? '';
      const line = content.slice(0, match.index).split('\n').length + 1;
      const missing = GIVEN.filter(
        (name) =>
          new RegExp(`\\b${name}\\b(?!:)`).test(code) &&
          !new RegExp(`\\b(?:const|let) ${name}\\b|\\{ ${name} \\}`).test(code),
      );
      const prelude =
        missing.length === 0 ? '' : `import { ${missing.join(', ')} } from '../../test/readme/harness.js';\n`;
      // The harness is the library, but for a client that finds the emulator where a user's finds the service.
      const body = code
        .replaceAll(/from 'wavespeed-kling';/g, `from '../../test/readme/harness.js';`)
        .replace(`from 'ai'; // ai 7`, `from 'ai-7';`);
      const name = `${text} line ${line}`;
      const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.ts`);
      return { name, file, code, source: `${prelude}${body}\nexport {};\n` };
    });
  });

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(root, 'examples/images/side.jpg'), join(folder, 'side.jpg'));
  for (const { file, source } of snippets) writeFileSync(file, source);
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: { noUnusedLocals: false },
    include: ['*.ts', '../../src/**/*.d.ts'],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
});
afterEach(closeAll);

test('the texts have snippets', () => {
  expect(snippets.length).toBeGreaterThan(18);
});

test('the snippets compile', async () => {
  const compiler = join(root, 'node_modules/typescript-7/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
});

describe('a snippet runs as it stands', () => {
  test.each(snippets)('$name', async ({ file, code }) => {
    const printed: string[] = [];
    vi.spyOn(console, 'log').mockImplementation(
      (...values: unknown[]) => void printed.push(values.map(String).join(' ')),
    );
    await import(/* @vite-ignore */ file);
    vi.restoreAllMocks();
    // `console.log(…); // 0.56` promises its numbers.
    for (const [, promised] of code.matchAll(/console\.log\(.*\); \/\/ (\d[\d. ]*)/g)) {
      expect(printed).toContain(promised?.trim());
    }
  });
});

describe('the recovery of a lost submit', () => {
  const recovery = snippets.find(({ code }) => code.includes('error.candidates()'))?.file ?? '';

  test('does not take another machine’s task for its own, and does not lose the error', async () => {
    const other = new WaveSpeedKling();
    await other.submit(KLING_O3_STD, { prompt: 'Another machine’s fox' });
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: false });
    await expect(import(/* @vite-ignore */ `${recovery}?refused`)).rejects.toThrow(SubmissionUnknownError);
  });

  test('takes up the task that was accepted', async () => {
    emulator.fail({ on: 'submit', kind: 'reset', when: 'headers' });
    const before = emulator.requestCount({ operation: 'submit' });
    await import(/* @vite-ignore */ `${recovery}?accepted`);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(before + 1);
  });
});
