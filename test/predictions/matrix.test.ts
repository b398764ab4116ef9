// The matrix: each fault, in each phase, at each call, over real sockets, through undici and through fetch. Each cell
// says how many requests were sent, what the caller got, and that the account was charged for one task at most.
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  KLING_O3_STD,
  type Prediction,
  SubmissionUnknownError,
  WaveSpeedError,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { type Emulator, type FaultKind, startEmulator } from 'wavespeed-kling/testing';

const INPUT = { prompt: 'A fox in the snow', duration: 5 } as const;
const COST = 0.42;
const TIMEOUT_MS = 1500;

type Phase = 'connect' | 'headers' | 'body' | 'after';
interface Cell {
  name: string;
  phase: Phase;
  /** A fault of the emulator, or a way to put one up by hand. */
  fault: FaultKind;
  /** Once struck: what a submit comes to, and after how many POSTs. `ok` when it was sent again and went well. */
  submit: { error: string; posts: number } | 'ok';
  /** Whether a wait outlives it. */
  poll: 'outlived' | { error: string };
  /** How a list that always meets it ends, and after how many requests with `maxRetries: 2`. */
  list: { error: string; requests: number };
}

const UNKNOWN = { error: 'SubmissionUnknownError', posts: 1 };
const read = (error: string, requests = 3) => ({ error, requests });

const html = (status: number, accepted: boolean): FaultKind => ({
  kind: 'status',
  status,
  body: '<html>Bad gateway</html>',
  accepted,
});
const refusal = (status: number): FaultKind => ({ kind: 'status', status, accepted: false });

const cells: Cell[] = [
  // The connection was made and broke at once: undici has begun the request by then or not, both end well.
  ...(['rst', 'fin'] as const).flatMap((how): Cell[] => [
    {
      name: `the connection ends (${how}) after the request, which was not accepted`,
      phase: 'headers',
      fault: { kind: 'reset', when: 'request', how, accepted: false },
      submit: UNKNOWN,
      poll: 'outlived',
      list: read('ConnectionError'),
    },
    {
      name: `the connection ends (${how}) after the request, which was accepted`,
      phase: 'headers',
      fault: { kind: 'reset', when: 'request', how, accepted: true },
      submit: UNKNOWN,
      poll: 'outlived',
      list: read('ConnectionError'),
    },
    {
      name: `the connection ends (${how}) within the headers`,
      phase: 'headers',
      fault: { kind: 'reset', when: 'headers', how },
      submit: UNKNOWN,
      poll: 'outlived',
      list: read('ConnectionError'),
    },
    {
      name: `the connection ends (${how}) within the body`,
      phase: 'body',
      fault: { kind: 'reset', when: 'body', how },
      submit: UNKNOWN,
      poll: 'outlived',
      list: read('InvalidResponseError'),
    },
  ]),
  {
    name: 'no headers come; the request was accepted',
    phase: 'headers',
    fault: { kind: 'hang', when: 'headers', accepted: true },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('RequestTimeoutError'),
  },
  {
    name: 'no headers come; the request was not accepted',
    phase: 'headers',
    fault: { kind: 'hang', when: 'headers', accepted: false },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('RequestTimeoutError'),
  },
  {
    name: 'the answer is not HTTP',
    phase: 'headers',
    fault: { kind: 'garbage', accepted: true },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('ConnectionError'),
  },
  {
    name: 'the body stands still',
    phase: 'body',
    fault: { kind: 'hang', when: 'body' },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('RequestTimeoutError'),
  },
  {
    name: 'the body is shorter than announced',
    phase: 'body',
    fault: { kind: 'truncate' },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('InvalidResponseError'),
  },
  {
    name: 'a page of HTML comes under 200',
    phase: 'body',
    fault: { kind: 'not-json', accepted: true },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('InvalidResponseError'),
  },
  {
    name: 'nothing comes under 200',
    phase: 'body',
    fault: { kind: 'empty', accepted: true },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('InvalidResponseError'),
  },
  ...[500, 502, 503, 504].flatMap((status): Cell[] =>
    [true, false].map((accepted) => ({
      name: `a gateway answers ${status}; the request was ${accepted ? '' : 'not '}accepted`,
      phase: 'after',
      fault: html(status, accepted),
      submit: UNKNOWN,
      poll: 'outlived',
      list: read('ServerError'),
    })),
  ),
  {
    name: 'a gateway answers 408',
    phase: 'after',
    fault: { kind: 'status', status: 408, accepted: true },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('ApiError'),
  },
  {
    name: 'the envelope says 500 under HTTP 200',
    phase: 'after',
    fault: { kind: 'envelope', code: 500, message: 'internal', accepted: true },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('ServerError'),
  },
  {
    name: 'the envelope says 400 under HTTP 200',
    phase: 'after',
    fault: { kind: 'envelope', code: 400, message: 'bad request', accepted: false },
    submit: { error: 'ApiError', posts: 1 },
    poll: { error: 'ApiError' },
    list: read('ApiError', 1),
  },
  {
    name: 'a redirect is answered',
    phase: 'after',
    fault: { kind: 'redirect', location: 'https://elsewhere.test/' },
    submit: UNKNOWN,
    poll: 'outlived',
    list: read('InvalidResponseError'),
  },
  {
    name: '429 is answered',
    phase: 'after',
    fault: { kind: 'status', status: 429, headers: { 'retry-after': '0' }, accepted: false },
    submit: 'ok',
    poll: 'outlived',
    list: read('RateLimitError'),
  },
  ...(
    [
      [400, 'ApiError'],
      [401, 'AuthenticationError'],
      [402, 'InsufficientCreditsError'],
      [403, 'PermissionError'],
      [409, 'ApiError'],
      [422, 'ApiError'],
    ] as const
  ).map(([status, error]): Cell => ({
    name: `${status} is answered`,
    phase: 'after',
    fault: refusal(status),
    submit: { error, posts: 1 },
    poll: { error },
    list: read(error, 1),
  })),
  {
    name: '404 is answered',
    phase: 'after',
    fault: refusal(404),
    submit: { error: 'NotFoundError', posts: 1 },
    poll: 'outlived',
    list: read('NotFoundError', 1),
  },
  {
    name: '425 is answered',
    phase: 'after',
    fault: refusal(425),
    submit: { error: 'ApiError', posts: 1 },
    poll: 'outlived',
    list: read('ApiError'),
  },
];

beforeAll(() => {
  // No jitter: every backoff is the floor of 100 ms.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

interface Service {
  emulator: Emulator;
  kling: WaveSpeedKling;
}

/** Runs a test on a service of its own: the cells run side by side. */
function on(
  options: WaveSpeedKlingOptions | ((emulator: Emulator) => WaveSpeedKlingOptions),
  body: (service: Service) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const emulator = await startEmulator({ queueMs: 1e9 });
    const kling = new WaveSpeedKling({
      apiKey: emulator.apiKey,
      baseUrl: emulator.url,
      requestTimeoutMs: TIMEOUT_MS,
      maxRetries: 2,
      ...(typeof options === 'function' ? options(emulator) : options),
    });
    try {
      await body({ emulator, kling });
    } finally {
      await emulator.close();
      await kling.close();
    }
  };
}

async function failureOf(promise: Promise<unknown>): Promise<WaveSpeedError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WaveSpeedError)) throw new Error(`expected a WaveSpeedError, got ${String(error)}`);
  return error;
}

/** A task ends once its submit is answered: however slow the machine is, a poll is needed to see it. */
const polled = (emulator: Emulator) => ({
  pollIntervalMs: 25,
  onSubmitted: ({ id }: Prediction) => emulator.task(id).complete(),
});

/** Waits long enough to see a request that should not have been sent. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 150));

describe.concurrent.each([
  ['undici', {}],
  ['fetch', { fetch: globalThis.fetch }],
] as [string, WaveSpeedKlingOptions][])('through %s', (transport, options) => {
  describe.each(cells)('$phase: $name', ({ name, fault, submit, poll, list }) => {
    test(
      `a submit when ${name}`,
      on(options, async ({ emulator, kling }) => {
        emulator.fail({ on: 'submit', ...fault });
        const running = kling.run(KLING_O3_STD, INPUT, polled(emulator));
        if (submit === 'ok') {
          const video = await running;
          expect(video.outputs).toHaveLength(1);
          expect(emulator.requestCount({ operation: 'submit' })).toBe(2);
          expect(emulator.account.tasks).toHaveLength(1);
          expect(emulator.account.charged).toBe(COST);
          return;
        }
        const error = await failureOf(running);
        expect(error.name).toBe(submit.error);
        await quiet();
        expect(emulator.requestCount({ operation: 'submit' })).toBe(submit.posts);
        expect(emulator.requestCount({ operation: 'result' })).toBe(0);
        expect(emulator.account.tasks.length).toBeLessThanOrEqual(1);
        expect(emulator.account.charged).toBeLessThanOrEqual(COST);
        if (error instanceof SubmissionUnknownError) {
          expect(error.model).toBe(KLING_O3_STD);
          expect(error.input).toMatchObject(INPUT);
          // Whether the task is there or not, the account's list says so.
          const candidates = await error.candidates();
          expect(candidates.map((task) => task.id)).toEqual(emulator.account.tasks.map((task) => task.id));
          for (const candidate of candidates) expect(candidate.exactMatch).toBe(true);
        } else {
          expect(emulator.account.charged).toBe(0);
        }
      }),
    );

    test(
      `a poll when ${name}`,
      on(options, async ({ emulator, kling }) => {
        emulator.fail({ on: 'result', ...fault });
        let submitted: Prediction | undefined;
        const running = kling.run(KLING_O3_STD, INPUT, {
          pollIntervalMs: 25,
          onSubmitted: (prediction) => {
            submitted = prediction;
            emulator.task(prediction.id).complete();
          },
        });
        if (poll === 'outlived') {
          const video = await running;
          expect(video.id).toBe(submitted?.id);
          expect(emulator.requestCount({ operation: 'result' })).toBe(2);
        } else {
          const error = await failureOf(running);
          expect(error.name).toBe(poll.error);
          expect(error.predictionId).toBe(submitted?.id);
          expect(error.message).toContain(`wait('${submitted?.id}')`);
          expect(emulator.requestCount({ operation: 'result' })).toBe(1);
        }
        await quiet();
        expect(emulator.requestCount({ operation: 'result' })).toBe(poll === 'outlived' ? 2 : 1);
        expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
        expect(emulator.account.charged).toBe(COST);
      }),
    );

    test(
      `a list when ${name}`,
      on(options, async ({ emulator, kling }) => {
        emulator.fail({ on: 'list', times: Infinity, ...fault });
        const listing = (async () => {
          for await (const task of kling.list()) throw new Error(`expected no task, got ${task.id}`);
        })();
        const error = await failureOf(listing);
        expect(error.name).toBe(list.error);
        expect(error.predictionId).toBeUndefined();
        await quiet();
        expect(emulator.requestCount({ operation: 'list' })).toBe(list.requests);
        expect(emulator.account.charged).toBe(0);
      }),
    );
  });

  describe('connect: the port refuses', () => {
    const isProof = transport === 'undici';

    test.runIf(isProof)('a submit is retried until the port accepts', async () => {
      const retries: string[] = [];
      const accepting = (emulator: Emulator): WaveSpeedKlingOptions => ({
        ...options,
        onRetry: ({ operation, error }) => {
          retries.push(`${operation} ${error.name}`);
          if (retries.length === 2) void emulator.acceptConnections();
        },
      });
      await on(accepting, async ({ emulator, kling }) => {
        await emulator.refuseConnections();
        const video = await kling.run(KLING_O3_STD, INPUT, polled(emulator));
        expect(video.outputs).toHaveLength(1);
        expect(retries).toEqual(['submit ConnectionError', 'submit ConnectionError']);
        expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
        expect(emulator.account.charged).toBe(COST);
      })();
    });

    test(
      isProof
        ? 'a submit that is always refused is a ConnectionError, for nothing was accepted'
        : 'a submit is not retried, since the refused connection need not be its own',
      on(options, async ({ emulator, kling }) => {
        await emulator.refuseConnections();
        const error = await failureOf(kling.submit(KLING_O3_STD, INPUT));
        expect(error.name).toBe(isProof ? 'ConnectionError' : 'SubmissionUnknownError');
        expect(isProof ? error : error.cause).toMatchObject({ code: 'ECONNREFUSED', requestSent: !isProof });
        expect(error.predictionId).toBeUndefined();
      }),
    );

    const accepting = (emulator: Emulator) => ({
      ...options,
      onRetry: () => void emulator.acceptConnections(),
    });
    test(
      'a wait outlives it',
      on(accepting, async ({ emulator, kling }) => {
        const { id } = await kling.submit(KLING_O3_STD, INPUT);
        emulator.task(id).complete();
        await emulator.refuseConnections();
        await expect(kling.wait(id, { pollIntervalMs: 25 })).resolves.toMatchObject({
          id,
          status: 'completed',
        });
        expect(emulator.account.charged).toBe(COST);
      }),
    );

    test('a list is tried again as often as maxRetries allows', async () => {
      let retries = 0;
      await on({ ...options, onRetry: () => void retries++ }, async ({ emulator, kling }) => {
        await emulator.refuseConnections();
        expect((await failureOf(kling.list().next())).name).toBe('ConnectionError');
        expect(retries).toBe(2);
      })();
    });
  });

  describe('connect: the connection is made and ends at once', () => {
    test.each(['rst', 'fin'] as const)('a submit (%s) is never made twice', (how) =>
      on(options, async ({ emulator, kling }) => {
        emulator.fail({ on: 'any', kind: 'reset', when: 'connection', how });
        const outcome = await kling.run(KLING_O3_STD, INPUT, polled(emulator)).then(
          (video) => video.status,
          (reason: unknown) => (reason as Error).name,
        );
        // Open when the request was begun by then; otherwise proven, and sent again.
        expect(['SubmissionUnknownError', 'completed']).toContain(outcome);
        expect(emulator.requestCount({ operation: 'submit' })).toBe(outcome === 'completed' ? 1 : 0);
        expect(emulator.account.charged).toBe(outcome === 'completed' ? COST : 0);
        if (transport === 'fetch') expect(outcome).toBe('SubmissionUnknownError');
      })(),
    );
  });
});

describe('a kept-alive connection that the server closes as the next request arrives', () => {
  /** Leaves every connection of the client idle and kept alive, and each to break with its next request. */
  const breakKeptAlive = async ({ emulator, kling }: Service) => {
    let now = performance.now();
    // The clock that connections age by: a slow machine lets none grow old.
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    onTestFinished(() => void vi.restoreAllMocks());
    for (let count = 0; count < 4; count++) await kling.balance();
    await quiet();
    expect(emulator.connections.open).toBeGreaterThan(0);
    emulator.fail({ on: 'any', kind: 'reset', when: 'request', onlyReused: true, times: Infinity });
    return (ms: number) => void (now += ms);
  };

  test(
    'does not happen to a submit more than a second after the last response: it gets a new connection',
    on({}, async ({ emulator, kling }) => {
      const age = await breakKeptAlive({ emulator, kling });
      age(1001);
      const prediction = await kling.submit(KLING_O3_STD, INPUT);
      expect(prediction.id).toBe(emulator.account.tasks[0]?.id);
      expect(emulator.account.charged).toBe(COST);
    }),
  );

  test(
    'leaves the outcome of a submit within that second open, and it is not sent again',
    on({}, async ({ emulator, kling }) => {
      await breakKeptAlive({ emulator, kling });
      const error = await failureOf(kling.submit(KLING_O3_STD, INPUT));
      expect(error.name).toBe('SubmissionUnknownError');
      expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
    }),
  );

  test(
    'is retried, when it happens to a read',
    on({}, async ({ emulator, kling }) => {
      await breakKeptAlive({ emulator, kling });
      const before = emulator.requestCount({ operation: 'balance' });
      expect(await kling.balance()).toBe(100);
      expect(emulator.requestCount({ operation: 'balance' })).toBeGreaterThan(before + 1);
    }),
  );
});
