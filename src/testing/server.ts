/** The emulator on a real socket of 127.0.0.1. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { closeAbruptly, sendResponse } from './network/send-response.js';
import { EmulatorEngine } from './emulator.js';
import type { EmulatorCore } from './types.js';
import type { EmulatorOptions } from './options.js';

/** Options of `startEmulator`. */
export interface StartEmulatorOptions extends EmulatorOptions {
  /** Port to listen on. @default any free port */
  port?: number | undefined;
  /** How long an idle connection is kept open, in milliseconds. @default 5000 */
  keepAliveTimeoutMs?: number | undefined;
}

/** An emulator that listens on 127.0.0.1. */
export interface Emulator extends EmulatorCore {
  /** URL of the server: `http://127.0.0.1:41234`. */
  readonly url: string;
  /** Same as `url`, under the name of the client's option. */
  readonly baseUrl: string;
  /** Number of connections made so far, and of those that are open. */
  readonly connections: { readonly made: number; readonly open: number };
  /** Closes all connections and makes the port refuse new ones. */
  refuseConnections(): Promise<void>;
  /** Listens on the same port again. */
  acceptConnections(): Promise<void>;
  /** Closes all idle connections, as a restarted server does. */
  closeIdleSockets(): void;
  /** Stops immediately and closes all connections. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Connection = { number: number; requests: number; busy: boolean };

function headersOf(message: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

class LocalEmulator extends EmulatorEngine implements Emulator {
  #server: Server | undefined;
  #port: number;
  readonly #keepAliveTimeoutMs: number;
  readonly #sockets = new Map<Socket, Connection>();
  readonly #pauses = new Set<() => void>();
  #made = 0;
  #closed = false;

  constructor(options: StartEmulatorOptions) {
    super(options, ['port', 'keepAliveTimeoutMs'] satisfies (keyof StartEmulatorOptions)[]);
    this.#port = options.port ?? 0;
    this.#keepAliveTimeoutMs = options.keepAliveTimeoutMs ?? 5000;
  }

  get url(): string {
    return this.base;
  }

  get baseUrl(): string {
    return this.base;
  }

  get connections(): { made: number; open: number } {
    return { made: this.#made, open: this.#sockets.size };
  }

  async acceptConnections(): Promise<void> {
    if (this.#closed) throw new Error('acceptConnections: the emulator is closed');
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    server.keepAliveTimeout = this.#keepAliveTimeoutMs;
    server.on('connection', (socket) => this.#connected(socket));
    // Bytes that are not HTTP get no response.
    server.on('clientError', (_error, socket) => socket.destroy());
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
    this.#port = (server.address() as AddressInfo).port;
    this.base = `http://127.0.0.1:${this.#port}`;
  }

  async refuseConnections(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of this.#sockets.keys()) socket.destroy();
    await closed;
  }

  closeIdleSockets(): void {
    for (const [socket, connection] of this.#sockets) if (!connection.busy) socket.destroy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.stop();
    for (const wake of this.#pauses) wake();
    await this.refuseConnections();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connected(socket: Socket): void {
    this.#made += 1;
    this.#sockets.set(socket, { number: this.#made, requests: 0, busy: false });
    socket.on('close', () => this.#sockets.delete(socket));
    // A client may reset its side at any time.
    socket.on('error', () => {});
    const fault = this.connectionFault();
    if (fault !== undefined) closeAbruptly(socket, fault.how);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const connection = this.#sockets.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    connection.busy = true;
    response.on('close', () => {
      connection.busy = false;
    });
    try {
      const plan = await this.receive({
        method: request.method ?? 'GET',
        url: new URL(request.url ?? '/', this.base),
        headers: headersOf(request),
        // Keeps the connection open if the body is not read to its end: the error response comes later.
        body: request.iterator({ destroyOnReturn: false }),
        socket: { connection: connection.number, reused: connection.requests > 1 },
      });
      if (!socket.destroyed) await sendResponse(plan, request, response, (ms) => this.#pause(ms));
    } catch {
      // The client disconnected during its request.
      socket.destroy();
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#pauses.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#pauses.add(wake);
    });
  }
}

/**
 * Starts an emulator of the service on 127.0.0.1: the same calls and errors, at no cost.
 *
 * @throws {RangeError} for an unknown option or an invalid value, naming it.
 * @example
 * await using emulator = await startEmulator();
 * const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, baseUrl: emulator.baseUrl });
 * const video = await kling.run(KLING_O3_STD, { prompt: 'A paper boat in the rain' });
 * console.log(emulator.account.charged); // 0.42
 */
export async function startEmulator(options: StartEmulatorOptions = {}): Promise<Emulator> {
  const emulator = new LocalEmulator(options);
  await emulator.acceptConnections();
  return emulator;
}
