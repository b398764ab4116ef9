// Runs test/**/*.test.ts; the package's own name resolves to src, so that tests and README snippets read as a user's code.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^wavespeed-kling$/, replacement: source('index.ts') },
      { find: /^wavespeed-kling\/(testing|ai-sdk|bullmq|sql)$/, replacement: source('$1/index.ts') },
      { find: /^wavespeed-kling\/(schemas|webhooks)$/, replacement: source('$1.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    unstubEnvs: true,
    unstubGlobals: true,
    maxConcurrency: 24,
  },
});
