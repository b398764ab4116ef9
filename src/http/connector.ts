/** Opens sockets for undici's clients, which share one secure context and the TLS session of each host. */
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Undici } from './load-undici.js';

export type Connector = (target: buildConnector.Options, callback: buildConnector.Callback) => Socket;

export async function createConnector(undici: Undici, connectTimeoutMs: number): Promise<Connector> {
  const { createSecureContext } = await import('node:tls');
  // undici's own cache holds sessions only weakly: a garbage collection would end their reuse.
  const options = { timeout: connectTimeoutMs, allowH2: false, maxCachedSessions: 0 };
  const build = (more: buildConnector.BuildOptions): Connector =>
    undici.buildConnector({ ...options, ...more }) as unknown as Connector;
  const connect = build({});
  let secureContext: SecureContext | undefined;
  const sessions = new Map<string, Buffer>();
  return (target, callback) => {
    if (target.protocol !== 'https:') return connect(target, callback);
    const { hostname } = target;
    // Created late: it parses every root certificate.
    secureContext ??= createSecureContext();
    const socket = build({ secureContext, session: sessions.get(hostname) })(target, (...result) => {
      // The server may have rejected the session.
      if (result[0] instanceof Error) sessions.delete(hostname);
      callback(...result);
    });
    socket.on('session', (session: Buffer) => sessions.set(hostname, session));
    return socket;
  };
}
