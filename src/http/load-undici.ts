/** Loads undici with the first request, so that programs that only validate inputs do not load it. */
import type * as undici from 'undici';
import { ConfigurationError } from '../core/errors/input-error.js';
import { getErrorMessage } from '../utils/error-message.js';

export type Undici = Pick<typeof undici, 'Agent' | 'buildConnector' | 'Client' | 'EnvHttpProxyAgent'>;

const GLOBAL_DISPATCHERS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];

let loading: Promise<Undici> | undefined;

/** @throws {ConfigurationError} `transport_unavailable` if it cannot be loaded, for example in a bundle. */
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
  // Bun replaces the bare import with its own module, whose Client cannot be closed.
  const loaded: Undici & { default?: unknown } = await ('Bun' in globalThis
    ? import('undici/index.js')
    : import('undici'));
  for (const [index, symbol] of GLOBAL_DISPATCHERS.entries()) {
    // undici 8 replaces the global dispatcher of an older undici: restore the application's.
    if (before[index] !== undefined) Reflect.set(globalThis, symbol, before[index]);
  }
  // Some bundlers expose CommonJS only as the default export.
  return 'Client' in loaded ? loaded : ((loaded as { default: unknown }).default as Undici);
}
