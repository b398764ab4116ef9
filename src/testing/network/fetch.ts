/** A `fetch` that calls the emulator, with its faults, without a network. */
import { bytesBefore, chunkSize, type ResponsePlan } from './apply-fault.js';
import { type WireResponse, firstBytes, inChunks, type WireRequest } from './wire.js';

export interface Receiver {
  receive(request: WireRequest): Promise<ResponsePlan>;
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

function networkError(code: string, reason: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(reason), { code }) });
}

function pause(ms: number, request: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(request.signal.reason as Error);
    };
    const timer = setTimeout(() => {
      request.signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (request.signal.aborted) abort();
    else request.signal.addEventListener('abort', abort, { once: true });
  });
}

/** Keeps hanging requests from being garbage collected: their signals would no longer fire. */
const hanging = new Set<Request>();

function never(request: Request): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => {
      hanging.delete(request);
      reject(request.signal.reason as Error);
    };
    if (request.signal.aborted) return abort();
    hanging.add(request);
    request.signal.addEventListener('abort', abort, { once: true });
  });
}

async function* bodyOf({ response, fault }: ResponsePlan, request: Request): AsyncGenerator<Uint8Array> {
  const chunks = response.body.chunks();
  if (fault?.kind === 'drip') {
    for (const chunk of inChunks(chunks, chunkSize(response, fault.bytes))) {
      await pause(fault.ms, request);
      yield chunk;
    }
  } else if (fault?.kind === 'reset' || fault?.kind === 'truncate') {
    yield* firstBytes(chunks, bytesBefore(response, fault.bytes));
    throw new TypeError('terminated', {
      cause: Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }),
    });
  } else if (fault?.kind === 'hang') {
    yield* firstBytes(chunks, bytesBefore(response, fault.bytes));
    await never(request);
  } else {
    yield* chunks;
  }
}

function streamOf(chunks: AsyncGenerator<Uint8Array>, signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        signal.throwIfAborted();
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(new Uint8Array(next.value));
      },
      cancel() {
        // Not awaited: a hanging body never returns.
        void chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

function responseOf(plan: ResponsePlan, request: Request): Response {
  const { response } = plan;
  const { method, signal } = request;
  const bodiless = method === 'HEAD' || response.status === 204 || response.status === 304;
  const headers = bodiless && method !== 'HEAD' ? response.headers : withLength(response);
  return new Response(bodiless ? null : streamOf(bodyOf(plan, request), signal), {
    status: response.status,
    headers,
  });
}

function withLength(response: WireResponse): Record<string, string> {
  return { ...response.headers, 'content-length': String(response.body.length) };
}

async function exchange(receiver: Receiver, request: Request): Promise<Response> {
  const { signal } = request;
  signal.throwIfAborted();
  const plan = await receiver.receive({
    method: request.method,
    url: new URL(request.url),
    headers: Object.fromEntries(request.headers),
    body: request.body ?? noBytes(),
  });
  const { fault } = plan;
  if (fault?.kind === 'reset' && fault.when !== 'body') {
    throw fault.how === 'fin'
      ? networkError('UND_ERR_SOCKET', 'other side closed')
      : networkError('ECONNRESET', 'read ECONNRESET');
  }
  if (fault?.kind === 'garbage') throw networkError('HPE_INVALID_CONSTANT', 'Expected HTTP/');
  if (fault?.kind === 'hang' && fault.when === 'headers') return never(request);
  if (fault?.kind === 'delay') await pause(fault.ms, request);
  signal.throwIfAborted();
  return responseOf(plan, request);
}

export function fetchFrom(receiver: Receiver): typeof globalThis.fetch {
  return (input, init) => exchange(receiver, new Request(input, init));
}
