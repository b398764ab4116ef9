/** Passes verified events to the listeners of a task, including those who subscribe shortly after its event. */
import { isTerminal, type Prediction } from '../core/prediction.js';
import type { WebhookEvent } from './verify.js';

const REMEMBERED_EVENTS = 1_000;

/** Drops the `input`: with images as `data:` URLs, a thousand of them would fill the memory. */
function withoutInput(event: Prediction): Prediction {
  const { ...kept } = event;
  delete kept.input;
  return kept;
}

export function createEmitter(onListenerError: (error: unknown, event: WebhookEvent) => Promise<void>) {
  type Listener = (prediction: Prediction) => unknown;
  const listeners = new Map<string, Set<Listener>>();
  // Oldest first.
  const finished = new Map<string, Prediction>();

  /** Calls synchronously; an error affects neither the other listeners nor the response. */
  function call(listener: Listener, event: Prediction): void {
    new Promise((resolve) => resolve(listener(event))).catch((error: unknown) =>
      onListenerError(error, event),
    );
  }

  return {
    publish(event: Prediction): void {
      if (isTerminal(event.status)) {
        finished.delete(event.id);
        finished.set(event.id, withoutInput(event));
        for (const oldest of finished.keys()) {
          if (finished.size <= REMEMBERED_EVENTS) break;
          finished.delete(oldest);
        }
      }
      const present = listeners.get(event.id) ?? new Set();
      // A copy: a listener may subscribe or unsubscribe while it is called.
      for (const listener of Array.from(present)) if (present.has(listener)) call(listener, event);
    },
    subscribe(predictionId: string, listener: Listener): () => void {
      // A new function, so that one listener subscribed twice counts as two.
      const own: Listener = (event) => listener(event);
      const present = listeners.get(predictionId) ?? new Set();
      listeners.set(predictionId, present.add(own));
      const earlier = finished.get(predictionId);
      if (earlier !== undefined) {
        // Later, so that the caller has the unsubscribe function before its listener runs.
        queueMicrotask(() => {
          if (present.has(own)) call(own, earlier);
        });
      }
      return () => {
        present.delete(own);
        if (present.size === 0 && listeners.get(predictionId) === present) listeners.delete(predictionId);
      };
    },
  };
}
