/** Sends a planned response over a socket, with its network fault. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { bytesBefore, chunkSize, ghostOf, type ResponsePlan } from './apply-fault.js';
import { type WireResponse, firstBytes, inChunks } from './wire.js';

type Pause = (ms: number) => Promise<void>;

/** Time for the client to read what was sent before a reset, which may overtake it, in milliseconds. */
const READ_FIRST_MS = 20;

export function closeAbruptly(socket: Socket, how: 'rst' | 'fin' | undefined): void {
  if (how === 'fin') socket.destroy();
  else socket.resetAndDestroy();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go);
      response.off('close', go);
      resolve();
    };
    response.on('drain', go);
    response.on('close', go);
  });
}

async function writeAll(response: ServerResponse, chunks: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
}

function writeHead(response: ServerResponse, content: WireResponse): void {
  const withoutLength = content.status === 204 || content.status === 304;
  response.writeHead(content.status, {
    ...content.headers,
    ...(withoutLength ? {} : { 'content-length': content.body.length }),
  });
}

async function writePart(
  response: ServerResponse,
  content: WireResponse,
  bytes: number | undefined,
  pause: Pause,
): Promise<void> {
  writeHead(response, content);
  response.flushHeaders();
  await writeAll(response, firstBytes(content.body.chunks(), bytesBefore(content, bytes)));
  await pause(READ_FIRST_MS);
}

/** Connections on which a response is being sent. */
const responding = new WeakSet<Socket>();

/** Sends a response that was not asked for, once the one before it is out. */
async function sendExtra(socket: Socket, before: WireResponse, ms: number, pause: Pause): Promise<void> {
  const { status, headers, body } = ghostOf(before);
  const bytes = Buffer.concat([...body.chunks()]);
  const lines = Object.entries({ ...headers, 'content-length': String(bytes.byteLength) });
  const head = [`HTTP/1.1 ${status} OK`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  if (ms > 0) await pause(ms);
  // In the middle of a response it would be no second one, but a broken first.
  if (!socket.destroyed && !responding.has(socket))
    socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]));
}

export async function sendResponse(
  { response: content, fault }: ResponsePlan,
  request: IncomingMessage,
  response: ServerResponse,
  pause: Pause,
): Promise<void> {
  const { socket } = request;
  if (fault?.kind === 'garbage') {
    socket.end('\u0016\u0003 this is not HTTP\r\n\r\n');
    return;
  }
  if (fault?.kind === 'reset') {
    if (fault.when === 'headers') {
      socket.write(`HTTP/1.1 ${content.status} OK\r\ncontent-type: applic`);
      await pause(READ_FIRST_MS);
    } else if (fault.when === 'body') {
      await writePart(response, content, fault.bytes, pause);
    }
    closeAbruptly(socket, fault.how);
    return;
  }
  if (fault?.kind === 'truncate') {
    await writePart(response, content, fault.bytes, pause);
    socket.end();
    return;
  }
  if (fault?.kind === 'hang') {
    if (fault.when === 'body') await writePart(response, content, fault.bytes, pause);
    return;
  }
  if (fault?.kind === 'delay') await pause(fault.ms);
  if (socket.destroyed) return;

  responding.add(socket);
  response.once('finish', () => responding.delete(socket));
  writeHead(response, content);
  if (request.method !== 'HEAD') {
    const chunks = content.body.chunks();
    if (fault?.kind === 'drip') {
      response.flushHeaders();
      for (const chunk of inChunks(chunks, chunkSize(content, fault.bytes))) {
        await pause(fault.ms);
        await writeAll(response, [chunk]);
      }
    } else {
      await writeAll(response, chunks);
    }
  }
  if (fault?.kind === 'extra') {
    response.once('finish', () => void sendExtra(socket, content, fault.ms ?? 0, pause));
  }
  response.end();
}
