/** Server-sent events: what changes is sent to every open page. */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';

/** Time between two signs of life, in milliseconds. */
const HEARTBEAT_MS = 20_000;

export class Events {
  readonly #listeners = new Set<(event: string, data: unknown) => void>();
  readonly #leave = new Set<() => void>();

  /** Number of open streams. */
  get streams(): number {
    return this.#leave.size;
  }

  publish(event: string, data: unknown): void {
    for (const listener of this.#listeners) listener(event, data);
  }

  /** Streams events to one page until it leaves. */
  stream(context: Context): Response {
    return streamSSE(context, async (stream) => {
      let leave: () => void = () => undefined;
      const left = new Promise<void>((resolve) => {
        leave = resolve;
      });
      stream.onAbort(leave);
      this.#leave.add(leave);
      const listener = (event: string, data: unknown) =>
        void stream.writeSSE({ event, data: JSON.stringify(data) });
      this.#listeners.add(listener);
      const heartbeat = setInterval(() => void stream.write(': \n\n'), HEARTBEAT_MS);
      try {
        await stream.writeSSE({ event: 'hello', data: '{}', retry: 1000 });
        await left;
      } finally {
        clearInterval(heartbeat);
        this.#listeners.delete(listener);
        this.#leave.delete(leave);
      }
    });
  }

  /** Ends every stream. */
  close(): void {
    for (const leave of this.#leave) leave();
  }
}
