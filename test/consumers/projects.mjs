// The projects: how many tasks each submits, and what it needs.

/**
 * @typedef {object} Project
 * @property {string} name
 * @property {string} [folder] Where it lies: its name by default.
 * @property {Record<string, string>} [dependencies] Added to its package.json.
 * @property {number} submits How many tasks it submits.
 * @property {boolean} quick Whether it takes only seconds, installation included.
 * @property {string} [manager] The package manager that installs it, as npx runs it; npm by default.
 * @property {number} [minNode] The lowest major version of Node that it runs on; an older one installs it.
 */

/** What the package can be used with: the newest of everything, and the majors before. */
const NEWEST = Object.fromEntries(
  ['@types/node', 'ai', 'bullmq', 'ioredis', 'msw', 'next', 'typescript', 'undici', 'vitest', 'zod'].map(
    (name) => [name, 'latest'],
  ),
);
const LAST_MAJORS = {
  ai: '^6.0.0',
  bullmq: '^5.0.0',
  ioredis: '^5.0.0',
  msw: '^2.0.0',
  next: '^15.0.0',
  typescript: '^5.0.0',
  undici: '^7.0.0',
  vitest: '^3.0.0',
  zod: '^3.0.0',
};
/** Three submits: the client, the AI SDK and a job. */
const BESIDE = { folder: 'beside', submits: 3, quick: false };

/** @type {Project[]} */
export const PROJECTS = [
  { name: 'esbuild-esm', submits: 1, quick: true },
  { name: 'esbuild-cjs', submits: 1, quick: true },
  { name: 'zod-4.0', submits: 1, quick: true },
  { name: 'pnpm', submits: 1, quick: true, manager: 'pnpm@9', minNode: 22 },
  { name: 'proxy', submits: 2, quick: true },
  { name: 'undici-8', submits: 1, quick: true, minNode: 22 },
  { name: 'vite-client', submits: 1, quick: true },
  { name: 'bun', submits: 2, quick: true },
  { name: 'deno', submits: 2, quick: true },
  { name: 'workers', submits: 2, quick: true, minNode: 22 },
  { name: 'next', submits: 3, quick: false },
  { name: 'workflow', submits: 1, quick: false, minNode: 22 },
  { name: 'newest-npm', ...BESIDE, dependencies: NEWEST, minNode: 24 },
  { name: 'newest-pnpm', ...BESIDE, dependencies: NEWEST, manager: 'pnpm@10', minNode: 24 },
  { name: 'last-majors-npm', ...BESIDE, dependencies: LAST_MAJORS },
  { name: 'last-majors-pnpm', ...BESIDE, dependencies: LAST_MAJORS, manager: 'pnpm@10' },
  { name: 'queues', submits: 2, quick: false },
  { name: 'electron', submits: 1, quick: false },
];
