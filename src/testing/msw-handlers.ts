/** The emulator as msw handlers; msw is loaded on the first call. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { ConfigurationError } from '../core/errors/index.js';
import { createEmulator, SOCKETLESS_BASE } from './emulator.js';
import type { EmulatorCore } from './types.js';
import type { EmulatorOptions } from './options.js';

/** The part of msw that `emulatorHandlers` needs. */
export type MswModule = {
  http: { all(path: string, resolver: (info: { request: Request }) => Promise<Response>): unknown };
};

/**
 * Lists the files to resolve msw from: this file, its callers and the working directory. The CommonJS build has no
 * `import.meta`, and in a monorepo only the caller may see msw, so the files come from the stack.
 */
function lookFrom(): string[] {
  const files = [
    ...(new Error('where').stack ?? '').matchAll(/(file:\/\/\S+?|(?:\/|[A-Z]:\\)[^():]+):\d+:\d+/g),
  ];
  const places = files.map(([, file = '']) => (file.startsWith('file:') ? file : pathToFileURL(file).href));
  return [...new Set([...places, pathToFileURL(`${process.cwd()}/noop.js`).href])];
}

function hasCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | null)?.code === code;
}

/** Loads msw synchronously, because `setupServer` needs its handlers at once. */
function loadMsw(): MswModule {
  let reason: unknown;
  for (const place of lookFrom()) {
    try {
      return createRequire(place)('msw') as MswModule;
    } catch (error) {
      if (hasCode(error, 'ERR_REQUIRE_ESM')) {
        throw new ConfigurationError(
          'emulatorHandlers() cannot load msw on this version of Node: ' +
            "`import { http } from 'msw'` and call emulatorHandlers(options, { http }), or use Node 20.19 or later.",
          { cause: error },
        );
      }
      if (!hasCode(error, 'MODULE_NOT_FOUND')) throw error;
      reason = error;
    }
  }
  throw new ConfigurationError(
    'emulatorHandlers() needs the package msw, which is not installed: `npm install --save-dev msw`. ' +
      'startEmulator() does not need it.',
    { cause: reason },
  );
}

/**
 * Returns handlers for msw's `setupServer`: `/api/v3/…` of every host, and the outputs and uploads of the emulator.
 * Pass the result of `createEmulator()` to control it. A closed connection becomes a network error of msw.
 *
 * The type parameter names the type of a handler, `emulatorHandlers<RequestHandler>()`; without it the handlers fit
 * `setupServer` and `server.use`. This package's types do not need msw.
 *
 * @param from Options of a new emulator, or an emulator. @default {}
 * @param msw Your own msw, `{ http }`, if it cannot be loaded here: Node before 20.19, or a bundle.
 * @throws {ConfigurationError} if msw is not installed, or this version of Node cannot load it.
 * @example
 * const emulator = createEmulator();
 * const server = setupServer(...emulatorHandlers(emulator));
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
