/** Finds the global undici dispatcher that the application has set: a proxy, or a mock in tests. */
import type { DispatcherLike } from './types.js';

/** Newest first: undici 8 keeps its own dispatcher under the second symbol and a wrapper under the first. */
const SYMBOLS = [Symbol.for('undici.globalDispatcher.2'), Symbol.for('undici.globalDispatcher.1')];

export function findGlobalDispatcher(): DispatcherLike | undefined {
  for (const symbol of SYMBOLS) {
    const dispatcher = Reflect.get(globalThis, symbol) as DispatcherLike | undefined;
    if (dispatcher !== undefined && !isDefault(dispatcher)) return dispatcher;
  }
  return undefined;
}

/** The check is slow. */
const knownDefaults = new WeakSet();

function isDefault(dispatcher: object): boolean {
  if (knownDefaults.has(dispatcher)) return true;
  if (!isSetByDefault(dispatcher)) return false;
  knownDefaults.add(dispatcher);
  return true;
}

/**
 * Returns true for the Agent that undici and Node set themselves, and for undici 8's wrapper of it. A minifier renames
 * classes, but no properties and no symbols.
 */
function isSetByDefault(dispatcher: object): boolean {
  // undici 8 wraps the dispatcher of the newer symbol, which was already checked.
  if ('wrapHandler' in dispatcher.constructor) return true;
  const symbols = new Map(Object.getOwnPropertySymbols(dispatcher).map((key) => [key.description, key]));
  // Set by Node for NODE_USE_ENV_PROXY, which this client handles itself.
  if (symbols.has('no proxy agent') && process.env.NODE_USE_ENV_PROXY === '1') return true;
  const options = symbols.get('options');
  if (options === undefined || !symbols.has('factory') || !hasPlainDispatch(dispatcher)) return false;
  const values = Object.values(Reflect.get(dispatcher, options) as object);
  return values.every((value) => value === undefined || value === Infinity);
}

/** An Agent inherits `dispatch` from its base class; `compose()` and derived classes replace it. */
function hasPlainDispatch(dispatcher: object): boolean {
  const ownClass: unknown = Object.getPrototypeOf(dispatcher);
  const baseClass: unknown = ownClass && Object.getPrototypeOf(ownClass);
  const base = (baseClass ?? {}) as { dispatch?: unknown };
  return Object.hasOwn(base, 'dispatch') && Reflect.get(dispatcher, 'dispatch') === base.dispatch;
}

export function usesProxyOfEnvironment(): boolean {
  const { env } = process;
  return (
    env.NODE_USE_ENV_PROXY === '1' &&
    [env.HTTP_PROXY, env.http_proxy, env.HTTPS_PROXY, env.https_proxy].some(Boolean)
  );
}
