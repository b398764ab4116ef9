// The projects: how many tasks each submits, and what it needs.

/**
 * @typedef {object} Project
 * @property {string} name The folder's name.
 * @property {number} submits How many tasks it submits.
 * @property {boolean} quick Whether it takes only seconds, installation included.
 * @property {string} [manager] The package manager that installs it, as npx runs it. @default 'npm'
 * @property {number} [minNode] The lowest major version of Node that it runs on; an older one installs it.
 */

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
  { name: 'next', submits: 1, quick: false },
  { name: 'queues', submits: 2, quick: false },
];
