/**
 * Tells observers what happens, through node:diagnostics_channel: redacted, and free when nobody listens.
 */
import { channel } from 'node:diagnostics_channel';

/** What each channel carries. None carries a key, a prompt, or a URL with its query. */
interface Events {
  /** A POST that starts a task: `predictionId` once accepted, `error` (a class name) when not. */
  submit: { model: string; predictionId?: string; status?: string; error?: string; durationMs: number };
  /** One look at a task while waiting. */
  poll: { predictionId: string; status?: string; error?: string; durationMs: number };
  /** A request that failed and will be made again. */
  retry: {
    operation: string;
    attempt: number;
    delayMs: number;
    error: string;
    predictionId?: string;
  };
  /** A wait that ended: `status` of the task, or `error`, a class name, or `abort`. */
  done: { predictionId: string; status?: string; error?: string; elapsedMs: number };
}

const channels = {
  submit: channel('wavespeed-kling:submit'),
  poll: channel('wavespeed-kling:poll'),
  retry: channel('wavespeed-kling:retry'),
  done: channel('wavespeed-kling:done'),
};

/** Publishes an event; the message is only made when somebody listens. */
export function publish<Name extends keyof Events>(name: Name, message: () => Events[Name]): void {
  if (channels[name].hasSubscribers) channels[name].publish(message());
}

/** Names an error by its class alone: its message may hold what should not be published. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
