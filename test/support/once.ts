/** Once for each process of tests: how long vitest waits, and whose dispatcher Node's own fetch takes. */
import { vi } from 'vitest';

/** As `expect.poll`; vitest has no setting for it. A limit for what never happens, not for a slow machine: tests set none of their own. */
const TIMEOUT_MS = 120_000;

const { waitFor, waitUntil } = vi;
const patient = <Options extends object>(options: number | Options | undefined) => ({
  timeout: TIMEOUT_MS,
  ...(typeof options === 'number' ? { timeout: options } : options),
});

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));

// It takes the one of the undici that was loaded first: its own, in whatever order the files of this process load others.
await fetch('data:,');
