/** The emulator as msw handlers. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ConfigurationError } from '../core/errors/index.js';
import { getErrorMessage } from '../utils/error-message.js';
import { createEmulator, SOCKETLESS_BASE } from './emulator.js';
import type { EmulatorCore } from './types.js';
import type { EmulatorOptions } from './options.js';

/** The part of msw that `emulatorHandlers` needs. */
export type MswModule = {
  http: { all(path: string, resolver: (info: { request: Request }) => Promise<Response>): unknown };
};

/** Loads msw as the working directory sees it: synchronously, because `setupServer` needs its handlers at once. */
function loadMsw(): MswModule {
  try {
    return createRequire(join(process.cwd(), 'noop.js'))('msw') as MswModule;
  } catch (cause) {
    throw new ConfigurationError(
      `emulatorHandlers() could not load msw (${getErrorMessage(cause)}): ` +
        "`import { http } from 'msw'` and call emulatorHandlers(emulator, { http }).",
      { cause },
    );
  }
}

/**
 * Returns handlers for msw's `setupServer`: `/api/v3/…` of every host, and the outputs and uploads of the emulator.
 * Pass the result of `createEmulator()` to control it. A closed connection becomes a network error of msw. msw sees the
 * global `fetch` and `node:http` only: a client without `fetch: globalThis.fetch` bypasses msw and reaches the real service.
 * Use `createEmulator().intercept()` for such clients.
 *
 * The type parameter names the type of a handler, `emulatorHandlers<RequestHandler>()`; without it the handlers fit
 * `setupServer` and `server.use`. This package's types do not need msw.
 *
 * @param from Options of a new emulator, or an emulator. @default {}
 * @param msw Your msw 2 or 3. @default msw as `require` finds it from the working directory
 * @throws {ConfigurationError} if `msw` is not given and cannot be loaded.
 * @example
 * import { http } from 'msw';
 * import { setupServer } from 'msw/node';
 *
 * const emulator = createEmulator();
 * const server = setupServer(...emulatorHandlers(emulator, { http }));
 * server.listen();
 */
export function emulatorHandlers<Handler = never>(
  from: EmulatorOptions | EmulatorCore = {},
  msw?: MswModule,
): Handler[] {
  const emulator = 'fetch' in from ? from : createEmulator(from);
  const { http } = msw ?? loadMsw();
  const respond = async ({ request }: { request: Request }): Promise<Response> => {
    try {
      return await emulator.fetch(request);
    } catch {
      // msw turns a thrown error into a response with status 500.
      return Response.error();
    }
  };
  return [http.all('*/api/v3/*', respond), http.all(`${SOCKETLESS_BASE}/*`, respond)] as Handler[];
}
