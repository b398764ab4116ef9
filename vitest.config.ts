// Runs test/**/*.test.ts; the package's own name resolves to src, so that tests and README snippets read as a user's code.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Left out of `npm run test:quick`: what builds and packs, drives a browser or a terminal, kills processes, or compiles documentation. */
const SLOW = [
  'test/package.test.ts',
  'test/readme.test.ts',
  'test/ai-sdk/types.test.ts',
  'test/bench/**',
  'test/bullmq/**',
  'test/chaos/**',
  'test/cli/terminal.test.ts',
  'test/edge/**',
  'test/models/types.test.ts',
  'test/models/validators.test.ts',
  'test/studio/*studio.test.ts',
  'test/studio/show.test.ts',
  'test/**/bundle.test.ts',
];

/** Projects of their own, and what is installed in them. */
const NEVER = ['**/node_modules/**', 'test/consumers/**'];

/** Files whose processes are what costs: few tests of a file run at once. */
const PROCESSES = ['test/cli/**/*.test.ts'];

const common = {
  setupFiles: ['test/support/setup.ts'],
  // Limits for a test that hangs, not for a slow machine: no test sets one of its own.
  testTimeout: 600_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 120_000 } },
  unstubEnvs: true,
  unstubGlobals: true,
};

export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^wavespeed-kling$/, replacement: source('index.ts') },
      { find: /^wavespeed-kling\/(testing|ai-sdk|bullmq|sql)$/, replacement: source('$1/index.ts') },
      { find: /^wavespeed-kling\/(schemas|webhooks)$/, replacement: source('$1.ts') },
    ],
  },
  test: {
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          ...common,
          name: 'library',
          include: ['test/**/*.test.ts'],
          exclude: [...NEVER, ...PROCESSES, ...(mode === 'quick' ? SLOW : [])],
          maxConcurrency: 24,
        },
      },
      // It needs the build.
      ...(mode === 'quick'
        ? []
        : [
            {
              extends: true as const,
              test: {
                ...common,
                name: 'command',
                include: PROCESSES,
                maxConcurrency: 4,
              },
            },
          ]),
    ],
  },
}));
