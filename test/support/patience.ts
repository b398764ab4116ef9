/** `vi.waitFor` gives up after 30 seconds, as `expect.poll` does, and not after one: vitest has no setting for it. */
import { vi } from 'vitest';

const { waitFor } = vi;

// A limit for what never happens, not for a slow machine.
vi.waitFor = (callback, options) =>
  waitFor(callback, { timeout: 30_000, ...(typeof options === 'number' ? { timeout: options } : options) });
