/** The studio's settings, from the environment. */
import { join, resolve } from 'node:path';

export interface Settings {
  /** `emulator`: the studio's own; `local`: another server on this machine; `live`: costs money. */
  mode: 'emulator' | 'local' | 'live';
  /** Port on 127.0.0.1; 0 for a free one. */
  port: number;
  /** Where tasks, files, videos and the journal are kept: one directory for each service. */
  dataDirectory: string;
  apiKey: string | undefined;
  baseUrl: string | undefined;
  /** Whether the page asks before each submit. */
  mustConfirm: boolean;
  /** Public https address of this server, such as a tunnel's, for webhooks of the live service. */
  publicUrl: string | undefined;
}

/** Reads `WAVESPEED_API_KEY`, `WAVESPEED_BASE_URL`, `PORT`, `STUDIO_DATA`, `STUDIO_CONFIRM` and `STUDIO_PUBLIC_URL`. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const apiKey = environment['WAVESPEED_API_KEY'] || undefined;
  const baseUrl = environment['WAVESPEED_BASE_URL'] || undefined;
  const port = Number(environment['PORT'] || 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`PORT: got ${environment['PORT']}; expected a port, or 0 for a free one.`);
  }
  const isLocal = baseUrl !== undefined && isLoopback(baseUrl);
  const mode = isLocal ? 'local' : apiKey === undefined && baseUrl === undefined ? 'emulator' : 'live';
  const host = mode === 'emulator' ? 'emulator' : new URL(baseUrl ?? 'https://api.wavespeed.ai').host;
  return {
    mode,
    port,
    dataDirectory: join(resolve(environment['STUDIO_DATA'] || '.studio'), host.replace(/[^\w.-]/g, '_')),
    // A server on this machine may take any key.
    apiKey: apiKey ?? (isLocal ? 'local' : undefined),
    baseUrl,
    mustConfirm: mode === 'live' || environment['STUDIO_CONFIRM'] === '1',
    publicUrl: environment['STUDIO_PUBLIC_URL'] || undefined,
  };
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}
