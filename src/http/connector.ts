/** Opens sockets for undici's clients, which share one secure context and their TLS sessions. */
import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import type { Undici } from './load-undici.js';

export type Connect = (target: buildConnector.Options, callback: buildConnector.Callback) => Socket;

export async function createConnect(undici: Undici, connectTimeoutMs: number): Promise<Connect> {
  const { createSecureContext } = await import('node:tls');
  const options = { timeout: connectTimeoutMs, allowH2: false };
  const connect = undici.buildConnector(options) as unknown as Connect;
  let connectTls: Connect | undefined;
  // undici keeps sessions only weakly: a garbage collection would end their reuse.
  const sessions = new Map<string, Buffer>();
  return (target, callback) => {
    if (target.protocol !== 'https:') return connect(target, callback);
    // Created late: a secure context parses every root certificate.
    connectTls ??= undici.buildConnector({
      ...options,
      secureContext: createSecureContext(),
    }) as unknown as Connect;
    const socket = connectTls(target, callback);
    socket.on('session', (session: Buffer) => sessions.set(target.hostname, session));
    return socket;
  };
}
