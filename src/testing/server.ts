/**
 * The emulator behind a real socket on 127.0.0.1, and every way such a socket can fail.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { breakOff, sendResponse } from './network/send-response.js';
import { EmulatorEngine } from './emulator.js';
import type { EmulatorCore } from './types.js';
import type { EmulatorOptions } from './options.js';

/** Sets up an emulator with a server. */
export interface StartEmulatorOptions extends EmulatorOptions {
  /** Where it listens. Default: any free port. */
  port?: number | undefined;
  /** How long it keeps an idle connection, in milliseconds. Default 5000. */
  keepAliveTimeoutMs?: number | undefined;
}

/** An emulator that listens on 127.0.0.1. */
export interface Emulator extends EmulatorCore {
  /** Where it listens: `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The same, under the name of the client's option. */
  readonly baseUrl: string;
  /** How many connections were made so far, and how many are open. */
  readonly connections: { readonly made: number; readonly open: number };
  /** Makes the port refuse connections, and breaks those that are open. */
  refuseConnections(): Promise<void>;
  /** Listens again, on the same port. */
  acceptConnections(): Promise<void>;
  /** Closes every connection that is kept alive between two requests, as a server does that was restarted. */
  closeIdleSockets(): void;
  /** Stops at once, whatever is going on. */
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
    // Bytes that are not HTTP: nothing to say to them.
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
    // A client that resets its side is no reason to fail: the request's own log says what became of it.
    socket.on('error', () => {});
    const fault = this.connectionFault();
    if (fault !== undefined) breakOff(socket, fault.how);
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
        // Stopping half-way must not break the connection: the refusal is still to be sent.
        body: request.iterator({ destroyOnReturn: false }),
        socket: { connection: connection.number, reused: connection.requests > 1 },
      });
      if (!socket.destroyed) await sendResponse(plan, request, response, (ms) => this.#pause(ms));
    } catch {
      // The client broke off in the middle of its request: nobody is left to answer.
      socket.destroy();
    }
  }

  /** Waits, but not beyond the emulator's end. */
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
 * Starts an emulator of the service on 127.0.0.1: the same calls, the same refusals, no money.
 *
 * @throws {RangeError} for an option that cannot be meant, naming it.
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
