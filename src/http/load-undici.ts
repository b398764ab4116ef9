/** Loads undici with the first request: a program that only validates inputs does not pay for it. */
import type * as undici from 'undici';
import { ConfigurationError } from '../core/errors/input-error.js';
import { getErrorMessage } from '../utils/error-message.js';

/** The parts of undici that are used. */
export type Undici = Pick<typeof undici, 'Agent' | 'buildConnector' | 'Client' | 'EnvHttpProxyAgent'>;

const GLOBAL_DISPATCHERS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];

let loading: Promise<Undici> | undefined;

/** @throws {ConfigurationError} `transport_unavailable` where it cannot be loaded: in a bundle, say. */
export async function loadUndici(): Promise<Undici> {
  loading ??= importUndici();
  try {
    return await loading;
  } catch (cause) {
    loading = undefined;
    throw new ConfigurationError(
      `undici could not be loaded (${getErrorMessage(cause)}); nothing was sent. In a bundle, mark \`undici\` as ` +
        'external, or give esbuild --format=esm the banner ' +
        "`import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`. " +
        'Node before 22.19 needs undici 7: with pnpm, override `undici` with `^7.30.2`. ' +
        'Elsewhere, pass `fetch: globalThis.fetch`.',
      { code: 'transport_unavailable', cause },
    );
  }
}

async function importUndici(): Promise<Undici> {
  const before = GLOBAL_DISPATCHERS.map((symbol) => Reflect.get(globalThis, symbol) as unknown);
  // Bun replaces the bare name by a module of its own, whose Client cannot be closed.
  const loaded: Undici & { default?: unknown } = await ('Bun' in globalThis
    ? import('undici/index.js')
    : import('undici'));
  for (const [index, symbol] of GLOBAL_DISPATCHERS.entries()) {
    // undici 8 replaces the one that an older undici set: the host's stays the host's.
    if (before[index] !== undefined) Reflect.set(globalThis, symbol, before[index]);
  }
  // Some bundlers give CommonJS as the default alone.
  return 'Client' in loaded ? loaded : ((loaded as { default: unknown }).default as Undici);
}
