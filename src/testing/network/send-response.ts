/**
 * Carries a plan out on a socket: the answer whole, late, in pieces, cut short, or something that is no answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { bytesBefore, pieceSize, type ResponsePlan } from './plan.js';
import { type Answer, firstBytes, inPieces } from './wire.js';

type Pause = (ms: number) => Promise<void>;

/** How long a client is given to read what comes before a reset, which may otherwise overtake it; in milliseconds. */
const READ_FIRST_MS = 20;

/** Ends a connection in the wrong place: with a TCP reset, or in an orderly way. */
export function breakOff(socket: Socket, how: 'rst' | 'fin' | undefined): void {
  if (how === 'fin') socket.destroy();
  else socket.resetAndDestroy();
}

/** Waits until there is room to write again, or nobody to write to. */
function roomToWrite(response: ServerResponse): Promise<void> {
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

/** Writes as fast as the client reads; stops when it went away. */
async function writeAll(response: ServerResponse, chunks: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await roomToWrite(response);
  }
}

function writeHead(response: ServerResponse, answer: Answer): void {
  const withoutLength = answer.status === 204 || answer.status === 304;
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(withoutLength ? {} : { 'content-length': answer.body.length }),
  });
}

/** Sends the headers and the first part of the body, and lets the client read them. */
async function writePart(
  response: ServerResponse,
  answer: Answer,
  bytes: number | undefined,
  pause: Pause,
): Promise<void> {
  writeHead(response, answer);
  response.flushHeaders();
  await writeAll(response, firstBytes(answer.body.chunks(), bytesBefore(answer, bytes)));
  await pause(READ_FIRST_MS);
}

/** Answers a request as planned. `pause` waits so many milliseconds, or until the emulator is closed. */
export async function sendResponse(
  { answer, fault }: ResponsePlan,
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
      socket.write(`HTTP/1.1 ${answer.status} OK\r\ncontent-type: applic`);
      await pause(READ_FIRST_MS);
    } else if (fault.when === 'body') {
      await writePart(response, answer, fault.bytes, pause);
    }
    breakOff(socket, fault.how);
    return;
  }
  if (fault?.kind === 'truncate') {
    await writePart(response, answer, fault.bytes, pause);
    socket.end();
    return;
  }
  if (fault?.kind === 'hang') {
    if (fault.when === 'body') await writePart(response, answer, fault.bytes, pause);
    return;
  }
  if (fault?.kind === 'delay') await pause(fault.ms);
  if (socket.destroyed) return;

  writeHead(response, answer);
  if (request.method !== 'HEAD') {
    const chunks = answer.body.chunks();
    if (fault?.kind === 'drip') {
      response.flushHeaders();
      for (const piece of inPieces(chunks, pieceSize(answer, fault.bytes))) {
        await pause(fault.ms);
        await writeAll(response, [piece]);
      }
    } else {
      await writeAll(response, chunks);
    }
  }
  response.end();
}
