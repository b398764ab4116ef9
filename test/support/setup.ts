/** Runs before each test file, also where many share a process: what each of them needs to be alone. */
import { afterAll, afterEach, expect, vi } from 'vitest';
import { cleanUpFile, cleanUpTest } from './cleanup.js';
import './once.js';

const GLOBALS = [
  'AbortController',
  'AbortSignal',
  'Blob',
  'Date',
  'fetch',
  'FormData',
  'Headers',
  'performance',
  'process',
  'Request',
  'Response',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'URL',
];
const look = () => ({
  ...Object.fromEntries(GLOBALS.map((name) => [name, Reflect.get(globalThis, name) as unknown])),
  env: process.env,
  now: Reflect.get(performance, 'now') as unknown,
  random: Math.random,
});
const before = look();
const variables = { ...process.env };

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpTest();
});
afterAll(async () => {
  await cleanUpFile();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  // The next file in this process would run with what this one left: such a file needs a process of its own (vitest.config.ts).
  if (process.env.TESTS_ALONE === '1') return;
  const after = look();
  const changed = Object.entries(before).filter(([name, value]) => Reflect.get(after, name) !== value);
  expect(changed.map(([name]) => name)).toEqual([]);
  expect({ ...process.env }).toEqual(variables);
});
