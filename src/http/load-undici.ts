/**
 * Loads the parts of undici that are used. The whole takes almost three times the CPU and memory to load, and puts an
 * agent of its own under the host's global fetch.
 */
import type { Agent, buildConnector, Dispatcher } from 'undici';

type RequestOptions = Dispatcher.RequestOptions & { origin: string };

export interface UndiciParts {
  Agent: typeof Agent;
  buildConnector: typeof buildConnector;
  request: (dispatcher: Dispatcher, options: RequestOptions) => Promise<Dispatcher.ResponseData<unknown>>;
}

/** Loads them with the first call. */
export async function loadUndici(): Promise<UndiciParts> {
  try {
    const [agent, connect, request] = await Promise.all([
      import('undici/lib/dispatcher/agent.js'),
      import('undici/lib/core/connect.js'),
      import('undici/lib/api/api-request.js'),
    ]);
    return {
      Agent: agent.default,
      buildConnector: connect.default,
      request: (dispatcher, options) => request.default.call(dispatcher, options),
    };
  } catch {
    // Another release may have its parts elsewhere.
    const { Agent, buildConnector, Dispatcher } = await import('undici');
    return {
      Agent,
      buildConnector,
      request: (dispatcher, options) => Dispatcher.prototype.request.call(dispatcher, options),
    };
  }
}
