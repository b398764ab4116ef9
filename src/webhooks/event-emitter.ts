/**
 * Hands verified events to those who wait for a task, also to those who come shortly after its event.
 */
import { isTerminal, type Prediction } from '../core/prediction.js';
import type { WebhookEvent } from './verify.js';

/** How many ended tasks are remembered for those who subscribe after their webhook came. */
const REMEMBERED_EVENTS = 1_000;

/** Leaves a task's `input` out: with images as data: URLs in it, a thousand of them would fill the memory. */
function withoutInput(event: Prediction): Prediction {
  const { ...kept } = event;
  delete kept.input;
  return kept;
}

/** Makes a hub; `onListenerError` hears of the listeners' mistakes, and must not reject. */
export function createEventHub(onListenerError: (error: unknown, event: WebhookEvent) => Promise<void>) {
  type Listener = (prediction: Prediction) => unknown;
  const listeners = new Map<string, Set<Listener>>();
  // By the order in which they came, so the oldest come first.
  const ended = new Map<string, Prediction>();

  /** Calls it now; its mistake, thrown or rejected, neither keeps the others asleep nor refuses the delivery. */
  function call(listener: Listener, event: Prediction): void {
    new Promise((resolve) => resolve(listener(event))).catch((error: unknown) =>
      onListenerError(error, event),
    );
  }

  return {
    publish(event: Prediction): void {
      if (isTerminal(event.status)) {
        ended.delete(event.id);
        ended.set(event.id, withoutInput(event));
        for (const oldest of ended.keys()) {
          if (ended.size <= REMEMBERED_EVENTS) break;
          ended.delete(oldest);
        }
      }
      const present = listeners.get(event.id) ?? new Set();
      // A copy: a listener may subscribe or unsubscribe while it is called.
      for (const listener of Array.from(present)) if (present.has(listener)) call(listener, event);
    },
    subscribe(predictionId: string, listener: Listener): () => void {
      // A function of its own, so that one listener subscribed twice counts as two.
      const own: Listener = (event) => listener(event);
      const present = listeners.get(predictionId) ?? new Set();
      listeners.set(predictionId, present.add(own));
      const earlier = ended.get(predictionId);
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
