/**
 * The emulator as msw handlers; the only file that knows msw, and it is loaded when they are asked for.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { ConfigurationError } from '../core/errors/index.js';
import { createEmulator, SOCKETLESS_BASE } from './emulator.js';
import type { EmulatorCore } from './types.js';
import type { EmulatorOptions } from './options.js';

/** The part of msw that is used, for `emulatorHandlers`. */
export type MswModule = {
  http: { all(path: string, resolver: (info: { request: Request }) => Promise<Response>): unknown };
};

/**
 * Lists the places to look for msw from: this file, its callers, the working directory. `import.meta` would say
 * where this file is, but cannot stand in the CommonJS build; the stack says it in both, and names the caller too,
 * who in a monorepo may have msw where this library does not see it.
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

/** Loads msw without waiting: its handlers must be there when `setupServer` is called. */
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
      'startEmulator() does without it.',
    { cause: reason },
  );
}

/**
 * Gives the emulator as handlers for msw's `setupServer`: every host's `/api/v3/…`, and the outputs and uploads it
 * gives out. Pass an emulator of `createEmulator()` to keep control of it. A broken connection comes out as msw's
 * network error, in whatever way it was to break.
 *
 * The type of a handler is yours to name, `emulatorHandlers<RequestHandler>()`; left open it fits `setupServer`
 * and `server.use`. It is not msw's own here, so that this package's types need no msw.
 *
 * @param msw Your own msw, `{ http }`, for where it cannot be loaded from here: Node before 20.19, or a bundle.
 * @throws {ConfigurationError} when msw is not installed, or this Node cannot load it.
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
  const answer = async ({ request }: { request: Request }): Promise<Response> => {
    try {
      return await emulator.fetch(request);
    } catch {
      // Thrown on, it would come out as an answer with status 500.
      return Response.error();
    }
  };
  return [http.all('*/api/v3/*', answer), http.all(`${SOCKETLESS_BASE}/*`, answer)] as Handler[];
}
