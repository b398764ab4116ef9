// What several tests need: a fake service behind `fetch`, answers of the API, and a look at a rejection.
import { expect } from 'vitest';
import { KLING_O3_STD, WaveSpeedKling, type WaveSpeedKlingOptions } from 'wavespeed-kling';

/** A request as the fake service saw it. */
export interface SeenRequest {
  method: string;
  path: string;
  search: string;
  headers: Headers;
  body: unknown;
  signal: AbortSignal | undefined;
  /** By `Date.now()`: real or faked. */
  at: number;
}

export const task = (fields: Record<string, unknown> = {}) => ({
  id: 'task-1',
  model: KLING_O3_STD,
  status: 'created',
  outputs: [],
  urls: {},
  has_nsfw_contents: [],
  created_at: new Date().toISOString(),
  error: '',
  timings: {},
  ...fields,
});

export const done = (fields: Record<string, unknown> = {}) =>
  task({ status: 'completed', outputs: ['https://cdn.example/video.mp4'], ...fields });

/** An answer in the API's envelope. */
export function envelope(
  data: unknown,
  code = 200,
  message = 'success',
  headers: Record<string, string> = {},
): Response {
  return Response.json({ code, message, data }, { status: code, headers });
}

export type Answer = (request: SeenRequest) => Response | Promise<Response>;

/** A client whose network is a function; `seen` lists every request it made. */
export function clientOn(answer: Answer, options: WaveSpeedKlingOptions = {}) {
  const seen: SeenRequest[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    const { pathname, search } = new URL(url);
    const request: SeenRequest = {
      method: init.method ?? 'GET',
      path: pathname,
      search,
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
      signal: init.signal ?? undefined,
      at: Date.now(),
    };
    seen.push(request);
    return answer(request);
  }) as typeof globalThis.fetch;
  const kling = new WaveSpeedKling({ apiKey: 'test-key-123456', fetch, ...options });
  return { kling, seen, posts: () => seen.filter((request) => isSubmit(request)).length };
}

export const isSubmit = (request: SeenRequest) =>
  request.method === 'POST' && request.path === `/api/v3/${KLING_O3_STD}`;
export const isPoll = (request: SeenRequest) => /^\/api\/v3\/predictions\/[^/]+\/result$/.test(request.path);

/** A promise and the hands that settle it. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Gives what a promise rejects with, and fails the test when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (reason: unknown) => ({ reason }),
  );
  if ('value' in outcome) expect.fail(`expected a rejection, got ${JSON.stringify(outcome.value)}`);
  return outcome.reason;
}

/** The same, for an error of a class. */
export async function failure<Failure extends Error>(
  promise: Promise<unknown>,
  errorClass: abstract new (...args: never[]) => Failure,
): Promise<Failure> {
  const reason = await rejection(promise);
  expect(reason).toBeInstanceOf(errorClass);
  return reason as Failure;
}
