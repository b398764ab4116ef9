/** Runs before each test file: how long vitest waits, whose dispatcher Node's fetch takes, and what is undone after. */
import { afterAll, afterEach, vi } from 'vitest';
import { cleanUpFile, cleanUpTest } from './cleanup.js';

/** As `expect.poll`; vitest has no setting for it. A limit for what never happens, not for a slow machine: tests set none of their own. */
const TIMEOUT_MS = 120_000;

const { waitFor, waitUntil } = vi;
const patient = <Options extends object>(options: number | Options | undefined) => ({
  timeout: TIMEOUT_MS,
  ...(typeof options === 'number' ? { timeout: options } : options),
});

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));

// It takes the one of the undici that was loaded first: its own, in whatever order a file loads others.
await fetch('data:,');

afterEach(async () => {
  vi.useRealTimers();
  await cleanUpTest();
});
afterAll(cleanUpFile);
