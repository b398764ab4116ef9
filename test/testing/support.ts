/** Helpers of the emulator's tests: calls through undici, and a bare socket that reports how it was closed. */
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { request } from 'undici';
import { onTestFinished } from 'vitest';
import { type Emulator, startEmulator, type StartEmulatorOptions } from '../../src/testing/index.js';

export const O1 = 'kwaivgi/kling-video-o1/reference-to-video';
export const O3 = 'kwaivgi/kling-video-o3-std/reference-to-video';

/** Starts an emulator that is closed when the test is over. */
export async function started(options?: StartEmulatorOptions): Promise<Emulator> {
  const emulator = await startEmulator(options);
  onTestFinished(() => emulator.close());
  return emulator;
}

/** Collects garbage now, so that a test of memory does not depend on the engine. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The parsed body. */
  json: { code: number; message: string; data: Data } & Record<string, unknown>;
}

/** The fields of all responses' data. */
export interface Data {
  id: string;
  model: string;
  status: string;
  outputs: string[];
  created_at: string;
  error: string;
  input: Record<string, unknown>;
  inputs: Record<string, unknown>;
  code: number;
  items: Data[];
  total: number;
  price: number;
  secret: string;
  download_url: string;
  upload: { method: string; url: string; headers: Record<string, string> };
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** Sent as JSON; a string as it is. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Default: the emulator's. */
  key?: string | null;
}

/** Makes one call of the API. */
export async function call(emulator: Emulator, path: string, options: Call = {}): Promise<Reply> {
  const { body, key = emulator.apiKey } = options;
  const response = await request(path.startsWith('http') ? path : `${emulator.url}/api/v3/${path}`, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...options.headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.body.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.statusCode, headers: response.headers, text, json: json as Reply['json'] };
}

/** Starts a task and gives its prediction. */
export async function submit(
  emulator: Emulator,
  input: Record<string, unknown> = {},
  model = O3,
): Promise<Data> {
  const reply = await call(emulator, model, { body: { prompt: 'A paper boat', ...input } });
  if (reply.status !== 200) throw new Error(`submit: ${reply.status} ${reply.text}`);
  return reply.json.data;
}

/** Looks at a task. */
export async function result(emulator: Emulator, id: string): Promise<Data> {
  return (await call(emulator, `predictions/${id}/result`)).json.data;
}

export interface Ending {
  received: string;
  /** An orderly end, a reset, or none within the time given. */
  how: 'fin' | 'rst' | 'open';
  /** How long after the request the first byte came, in milliseconds. */
  firstByteMs: number | undefined;
}

/**
 * Sends a request over a bare socket and returns the received bytes and how the connection was closed.
 *
 * @param options.waitMs How long it may stay open; with `hasBody` from the last byte of a body on.
 */
export function exchange(
  emulator: Emulator,
  {
    path = `/api/v3/${O3}`,
    body = '{"prompt":"x"}',
    waitMs = 60_000,
    keepAlive = false,
    hasBody = false,
  } = {},
): Promise<Ending> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(emulator.url).port), '127.0.0.1');
    let received = '';
    let firstByteMs: number | undefined;
    const sent = performance.now();
    const finish = (how: Ending['how']) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ received, how, firstByteMs });
    };
    let timer = setTimeout(() => finish('open'), hasBody ? 60_000 : waitMs);
    socket.on('data', (piece) => {
      firstByteMs ??= performance.now() - sent;
      received += piece.toString('latin1');
      if (!hasBody || parts(received).body === '') return;
      clearTimeout(timer);
      timer = setTimeout(() => finish('open'), waitMs);
    });
    socket.on('end', () => finish('fin'));
    socket.on('error', () => finish('rst'));
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: emulator\r\nauthorization: Bearer key\r\n` +
        `connection: ${keepAlive ? 'keep-alive' : 'close'}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

/** Splits what a bare socket received into its head and its body. */
export function parts(received: string): { head: string; body: string; length: number } {
  const at = received.indexOf('\r\n\r\n');
  const head = at < 0 ? received : received.slice(0, at);
  return {
    head,
    body: at < 0 ? '' : received.slice(at + 4),
    length: Number(/content-length: (\d+)/i.exec(head)?.[1]),
  };
}
