/** `vi.waitFor` and `vi.waitUntil` give up after two minutes, as `expect.poll` does, and not after one second: vitest has no setting for it. */
import { vi } from 'vitest';

/** A limit for what never happens, not for a slow machine: tests set none of their own. */
const TIMEOUT_MS = 120_000;

const { waitFor, waitUntil } = vi;
const patient = <Options extends object>(options: number | Options | undefined) => ({
  timeout: TIMEOUT_MS,
  ...(typeof options === 'number' ? { timeout: options } : options),
});

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));
