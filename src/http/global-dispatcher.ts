/** Finds the dispatcher that the application has set for all of undici's requests: a proxy, or a mock of its tests. */
import type { DispatcherLike } from './types.js';

/** Newest first: undici 8 keeps its own under the second and a wrapper of it under the first. */
const SYMBOLS = [Symbol.for('undici.globalDispatcher.2'), Symbol.for('undici.globalDispatcher.1')];

/** Returns the application's own global dispatcher, undefined where there is only the default one. */
export function findGlobalDispatcher(): DispatcherLike | undefined {
  for (const symbol of SYMBOLS) {
    const dispatcher = Reflect.get(globalThis, symbol) as DispatcherLike | undefined;
    if (dispatcher !== undefined && !isDefault(dispatcher)) return dispatcher;
  }
  return undefined;
}

/** Returns true for the Agent without options that undici and Node set themselves, and for undici 8's wrapper. */
function isDefault(dispatcher: object): boolean {
  const { name } = dispatcher.constructor;
  // undici 8 wraps what is under the newer symbol, which was looked at.
  if (name === 'Dispatcher1Wrapper') return true;
  // EnvHttpProxyAgent: Node's own, for NODE_USE_ENV_PROXY, which is ours to honour.
  if (name === 'EnvHttpProxyAgent' && process.env.NODE_USE_ENV_PROXY === '1') return true;
  if (name !== 'Agent') return false;
  const options = Object.getOwnPropertySymbols(dispatcher).find(
    ({ description }) => description === 'options',
  );
  const values = options === undefined ? [] : Object.values(Reflect.get(dispatcher, options) as object);
  return values.every((value) => value === undefined || value === Infinity);
}

/** Returns true where Node is asked to use the proxies of the environment, and there is one. */
export function usesProxyOfEnvironment(): boolean {
  const { env } = process;
  return (
    env.NODE_USE_ENV_PROXY === '1' &&
    [env.HTTP_PROXY, env.http_proxy, env.HTTPS_PROXY, env.https_proxy].some(Boolean)
  );
}
