/** Runs before each test file, also where many share a process: what each of them needs to be alone. */
import { afterAll, afterEach, vi } from 'vitest';
import { cleanUpFile, cleanUpTest } from './cleanup.js';
import './patience.js';

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpTest();
});
afterAll(cleanUpFile);
