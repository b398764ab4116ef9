/** Servers that record what reaches them, and a client for each. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { KLING_O3_STD, WaveSpeedKling, type WaveSpeedKlingOptions } from 'wavespeed-kling';
import { onCleanup } from './cleanup.js';
import { task } from './client.js';

export const INPUT = { prompt: 'A fox in the snow' } as const;
export const KEY = 'test-key-123456';

export { onCleanup };

export interface CountingServer {
  url: string;
  server: Server;
  /** Every connection ever made. */
  sockets: Socket[];
  requests: IncomingMessage[];
  submits: () => number;
}

async function listen(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Serves HTTP; by default it accepts submits and has a balance. */
export async function serve(listener: RequestListener = respond): Promise<CountingServer> {
  const sockets: Socket[] = [];
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  });
  const port = await listen(server);
  onCleanup(() => {
    server.closeAllConnections();
    server.close();
  });
  const submits = () => requests.filter(({ url }) => url?.includes(KLING_O3_STD)).length;
  return { url: `http://127.0.0.1:${port}`, server, sockets, requests, submits };
}

/** A request, read to its end. */
export interface Taken {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface TestServer {
  url: string;
  /** In order of arrival. */
  requests: Taken[];
  of(method: string): Taken[];
}

export type Respond = (taken: Taken, response: ServerResponse) => void | Promise<void>;

/** Serves HTTP with the bodies of the requests: each is read to its end, unless `early` has responded. */
export async function serveBodies(
  answer: Respond,
  options: { early?: ((taken: Taken, response: ServerResponse) => boolean) | undefined } = {},
): Promise<TestServer> {
  const requests: Taken[] = [];
  const { url } = await serve((request, response) => {
    const { method = '', url: path = '', headers } = request;
    const taken: Taken = { method, path, headers, body: Buffer.alloc(0) };
    requests.push(taken);
    request.on('error', () => undefined);
    if (options.early?.(taken, response) === true) return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      taken.body = Buffer.concat(chunks);
      void answer(taken, response);
    });
  });
  return { url, requests, of: (method) => requests.filter((each) => each.method === method) };
}

/** Serves bytes: each connection goes to the listener. */
export async function serveTcp(listener: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    listener(socket);
  });
  const port = await listen(server as unknown as Server);
  onCleanup(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

export const respond: RequestListener = (request, response) => {
  request.resume();
  request.once('end', () => sendData(response, isSubmitRequest(request) ? task() : { balance: 7 }));
};

export const isSubmitRequest = ({ url }: IncomingMessage) => url?.includes(KLING_O3_STD) === true;

export function sendData(response: ServerResponse, data: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ code: status, message: status === 200 ? 'success' : 'no', data }));
}

/** A client that is closed when the test is over. */
export function client(url: string, options: WaveSpeedKlingOptions = {}): WaveSpeedKling {
  const kling = new WaveSpeedKling({ apiKey: KEY, baseUrl: url, maxRetries: 0, ...options });
  onCleanup(() => kling.close());
  return kling;
}
