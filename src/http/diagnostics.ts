/** Publishes redacted events through node:diagnostics_channel. */
import { channel } from 'node:diagnostics_channel';
import { PredictionFailedError, WaveSpeedError } from '../core/errors/index.js';
import type { Call } from '../utils/call.js';

/** What every event of a call about a task carries. */
export interface CallTrace {
  /** Tells the calls of a process apart. */
  callId: string;
  model?: string | undefined;
  /** Estimate, in US dollars. Missing where only the service knows the price. */
  cost?: number | undefined;
}

/** Messages by channel. None contains a key, a prompt, or a URL with its query. */
interface Events {
  /** A call begins. `predictionId` is set when it follows an existing task. */
  start: { operation: 'run' | 'submit' | 'wait' | 'watch'; predictionId?: string | undefined };
  /** `predictionId` is set when the task was accepted, `error` (a class name) when it was not. */
  submit: { model: string; predictionId?: string; status?: string; error?: string; durationMs: number };
  poll: { predictionId: string; status?: string; error?: string; durationMs: number };
  retry: { operation: string; attempt: number; delayMs: number; error: string; predictionId?: string };
  /** A call has ended. `status` of the task, or `error`: a class name, or `abort`. */
  done: { predictionId?: string | undefined; status?: string; error?: string; elapsedMs: number };
}

const channels = {
  start: channel('wavespeed-kling:start'),
  submit: channel('wavespeed-kling:submit'),
  poll: channel('wavespeed-kling:poll'),
  retry: channel('wavespeed-kling:retry'),
  done: channel('wavespeed-kling:done'),
};

const traces = new WeakMap<AbortSignal, CallTrace>();

/** @param signal The signal of the call that the event belongs to. */
export function publish<Name extends keyof Events>(
  name: Name,
  signal: AbortSignal | undefined,
  message: () => Events[Name],
): void {
  if (!channels[name].hasSubscribers) return;
  channels[name].publish({ ...(signal && traces.get(signal)), ...message() });
}

/** Publishes `start`, and gives every later event of the call its trace. Returns what publishes `done`. */
export function startTrace(
  call: Call,
  { model, cost, ...start }: Events['start'] & Omit<CallTrace, 'callId'>,
): { succeed: (task: { id: string; status: string }) => void; fail: (error: unknown) => void } {
  const { signal } = call;
  if (Object.values(channels).some((each) => each.hasSubscribers)) {
    const known = { ...(model === undefined ? {} : { model }), ...(cost === undefined ? {} : { cost }) };
    traces.set(signal, { callId: crypto.randomUUID(), ...known });
  }
  publish('start', signal, () => start);
  const end = (result: Omit<Events['done'], 'elapsedMs'>) =>
    publish('done', signal, () => ({ ...result, elapsedMs: call.elapsedMs }));
  return {
    succeed: ({ id, status }) => end({ predictionId: id, status }),
    fail: (error) => {
      const { predictionId = start.predictionId } = error instanceof WaveSpeedError ? error : {};
      const task = predictionId === undefined ? {} : { predictionId };
      const name = call.wasAborted ? 'abort' : errorName(error);
      end({
        ...task,
        ...(error instanceof PredictionFailedError ? { status: error.prediction.status } : { error: name }),
      });
    },
  };
}

/** Publishes `start` and `done` around a call about a task. */
export async function traceCall<T extends { id: string; status: string }>(
  call: Call,
  start: Parameters<typeof startTrace>[1],
  work: () => Promise<T>,
): Promise<T> {
  const trace = startTrace(call, start);
  try {
    const task = await work();
    trace.succeed(task);
    return task;
  } catch (error) {
    trace.fail(error);
    throw error;
  }
}

/** Returns only the class name: the message may contain secrets. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
