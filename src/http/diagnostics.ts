/** Publishes redacted events through node:diagnostics_channel. */
import { channel } from 'node:diagnostics_channel';

/** Messages by channel. None contains a key, a prompt, or a URL with its query. */
interface Events {
  /** `predictionId` is set when the task was accepted, `error` (a class name) when it was not. */
  submit: { model: string; predictionId?: string; status?: string; error?: string; durationMs: number };
  poll: { predictionId: string; status?: string; error?: string; durationMs: number };
  retry: {
    operation: string;
    attempt: number;
    delayMs: number;
    error: string;
    predictionId?: string;
  };
  /** `status` of the task, or `error`: a class name, or `abort`. */
  done: { predictionId: string; status?: string; error?: string; elapsedMs: number };
}

const channels = {
  submit: channel('wavespeed-kling:submit'),
  poll: channel('wavespeed-kling:poll'),
  retry: channel('wavespeed-kling:retry'),
  done: channel('wavespeed-kling:done'),
};

export function publish<Name extends keyof Events>(name: Name, message: () => Events[Name]): void {
  if (channels[name].hasSubscribers) channels[name].publish(message());
}

/** Returns only the class name: the message may contain secrets. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
