/** Server-sent events: what changes is sent to every open page. */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';

/** Time between two signs of life, in milliseconds. */
const HEARTBEAT_MS = 20_000;

export class Events {
  readonly #listeners = new Set<(event: string, data: unknown) => void>();
  readonly #closing = new AbortController();

  publish(event: string, data: unknown): void {
    for (const listener of this.#listeners) listener(event, data);
  }

  /** Streams events to one page until it leaves. */
  stream(context: Context): Response {
    return streamSSE(context, async (stream) => {
      const left = new Promise<void>((resolve) => {
        stream.onAbort(resolve);
        this.#closing.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      const listener = (event: string, data: unknown) =>
        void stream.writeSSE({ event, data: JSON.stringify(data) });
      this.#listeners.add(listener);
      const heartbeat = setInterval(() => void stream.write(': \n\n'), HEARTBEAT_MS);
      await stream.writeSSE({ event: 'hello', data: '{}', retry: 1000 });
      await left;
      clearInterval(heartbeat);
      this.#listeners.delete(listener);
    });
  }

  /** Ends every stream. */
  close(): void {
    this.#closing.abort();
  }
}
