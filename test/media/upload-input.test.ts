// Local files in the input of run and submit.
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BudgetExceededError, InvalidInputError, KLING_O1, RequestTimeoutError } from 'wavespeed-kling';
import {
  failure,
  file,
  movie,
  picture,
  sha,
  temporaryDirectory,
  uploadClient,
  uploadService,
} from './support.js';

describe('local files in the input of run and submit', () => {
  const prompt = 'A fox in the snow';

  it('replaces local files in the input by the URLs of their uploads', async () => {
    const { api, storage } = await uploadService();
    const [one, two] = [new Blob([picture()]), picture()];
    const video = file('v.mp4', movie(1000));
    await uploadClient(api.url).run(KLING_O1, {
      prompt,
      images: ['https://pictures.example/0.png', one, pathToFileURL(file('two.png', two)), one],
      video: pathToFileURL(video),
    });
    const submit = api.requests.find(({ path }) => path.includes(KLING_O1));
    const body = JSON.parse(String(submit?.body)) as { images: string[]; video: string };
    const where = (bytes: Uint8Array) => {
      const put = storage.requests.find((request) => sha(request.body) === sha(bytes));
      return `https://cdn.example/${/bucket\/(\d)/.exec(put?.path ?? '')?.[1]}.bin`;
    };
    const first = where(new Uint8Array(await one.arrayBuffer()));
    expect(body.images).toEqual(['https://pictures.example/0.png', first, where(two), first]);
    expect(new Set([...body.images, body.video]).size).toBe(4);
    expect(storage.requests).toHaveLength(3);
  });

  it('validates every file before any request, and lists all that are invalid', async () => {
    const { api, storage } = await uploadService();
    const input = {
      prompt,
      images: [
        new Blob([picture()]),
        pathToFileURL(join(temporaryDirectory(), 'gone.png')),
        new File([movie(100)], 'clip.mp4'),
      ],
      video: new File([picture()], 'still.png'),
    };
    const error = await failure<InvalidInputError>(uploadClient(api.url).submit(KLING_O1, input));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.issues.map(({ path }) => path)).toEqual([['video'], ['images', 1], ['images', 2]]);
    expect(error.message).toContain('images[1]: "gone.png" does not exist');
    expect(error.message).toContain('images[2]: "clip.mp4" is video/mp4; expected JPG, PNG');
    expect(error.message).toContain('video: "still.png" is image/png; expected MP4');
    expect([api.requests.length, storage.requests.length]).toEqual([0, 0]);
  });

  it('checks the cost before any upload', async () => {
    const { api } = await uploadService();
    const error = await failure(
      uploadClient(api.url).run(KLING_O1, { prompt, images: [new Blob([picture()])] }, { maxCost: 0.01 }),
    );
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(api.requests).toHaveLength(0);
  });

  it('submits nothing after a failed upload, and aborts the other uploads', async () => {
    let broken = 0;
    const { api, storage } = await uploadService({
      put: (taken, response) => {
        if (taken.body.byteLength === 300) {
          // When the others are under way.
          void vi
            .waitFor(() => expect(storage.requests).toHaveLength(3))
            .then(() => response.writeHead(400).end());
          return;
        }
        response.on('close', () => {
          broken += 1;
        });
      },
    });
    const images = [picture(), picture(300), picture()].map((bytes) => new Blob([bytes]));
    const error = await failure(uploadClient(api.url).run(KLING_O1, { prompt, images }));
    expect(error).toMatchObject({ name: 'UploadError', reason: 'refused', status: 400 });
    await vi.waitFor(() => expect(broken).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(api.requests.map(({ path }) => path)).toEqual(Array(3).fill('/api/v3/media/uploads'));
  });

  it('applies maxRetries of the call to its uploads', async () => {
    const { api, storage } = await uploadService({
      put: (_taken, response) => void response.writeHead(503, { 'retry-after': '0' }).end(),
    });
    const input = { prompt, images: [new Blob([picture()])] };
    const error = await failure(uploadClient(api.url).submit(KLING_O1, input, { maxRetries: 0 }));
    expect(error).toMatchObject({ name: 'ServerError', status: 503 });
    expect(storage.requests).toHaveLength(1);
  });

  it('uploads four files at a time', async () => {
    const waiting: ServerResponse[] = [];
    let most = 0;
    let released = 0;
    const { api, storage } = await uploadService({
      put: (_taken, response) => {
        waiting.push(response);
        most = Math.max(most, waiting.length);
        if (waiting.length < Math.min(4, 7 - released)) return;
        // Not at once: a fifth request would arrive in the meantime.
        setTimeout(() => {
          released += waiting.length;
          for (const each of waiting.splice(0)) each.end();
        }, 30);
      },
    });
    const images = Array.from({ length: 7 }, () => new Blob([picture()]));
    await uploadClient(api.url).submit(KLING_O1, { prompt, images });
    expect([storage.requests.length, most]).toEqual([7, 4]);
  });

  it('submits nothing when run is aborted during an upload', async () => {
    const controller = new AbortController();
    const { api } = await uploadService({ put: () => controller.abort('enough') });
    const { signal } = controller;
    const images = [new Blob([picture()]), new Blob([picture()])];
    expect(await failure(uploadClient(api.url).run(KLING_O1, { prompt, images }, { signal }))).toBe('enough');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(api.requests.every(({ path }) => path === '/api/v3/media/uploads')).toBe(true);
  });
});

describe('timeoutMs of run during uploads', () => {
  const prompt = 'A fox in the snow';

  /** A service behind a fetch, without a socket whose timers would be counted; `seen` names what was called. */
  function service(onCall: { put?: () => void; submit?: () => void }) {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
      vi.restoreAllMocks();
    });
    const seen: string[] = [];
    const fetch = (async (url: string, init: RequestInit) => {
      const { pathname } = new URL(url);
      const data = (value: unknown) => Response.json({ code: 200, message: 'success', data: value });
      seen.push(pathname.replace(`/api/v3/${KLING_O1}`, 'submit'));
      if (pathname.endsWith('/media/uploads')) {
        const upload = { method: 'PUT', url: 'https://storage.example/put', headers: {} };
        return data({ download_url: 'https://cdn.example/1.png', upload });
      }
      if (init.method === 'PUT') {
        await new Response(init.body as ReadableStream).arrayBuffer();
        onCall.put?.();
        return new Response();
      }
      onCall.submit?.();
      return data({ id: 'task-1', status: 'completed', outputs: ['https://cdn.example/out.mp4'] });
    }) as typeof globalThis.fetch;
    const run = (timeoutMs: number) =>
      uploadClient('https://api.example', { fetch }).run(
        KLING_O1,
        { prompt, images: [new Blob([picture()])] },
        { timeoutMs },
      );
    return { seen, run };
  }
  const uploaded = ['/api/v3/media/uploads', '/put'];

  it('aborts uploads at the deadline, and submits nothing', async () => {
    const { seen, run } = service({ put: () => void vi.advanceTimersByTime(20_000) });
    const error = await failure(run(20_000));
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(String(error)).toContain('timeoutMs (20000 ms) ran out before the task was submitted');
    expect(String(error)).toContain('nothing was submitted');
    expect(vi.getTimerCount()).toBe(0);
    expect(seen).toEqual(uploaded);
  });

  it('submits nothing when the deadline passed without a turn of the event loop', async () => {
    const { seen, run } = service({
      put: () => {
        // Time that passes without a turn of the event loop, as in a process that was asleep.
        const late = performance.now() + 20_000;
        vi.spyOn(performance, 'now').mockImplementation(() => late);
      },
    });
    expect(await failure(run(20_000))).toBeInstanceOf(RequestTimeoutError);
    expect(vi.getTimerCount()).toBe(0);
    expect(seen).toEqual(uploaded);
  });

  it.each([20_000, 2 ** 31 + 1000, Infinity])(
    'leaves no timer behind after uploads in time, with timeoutMs %d',
    async (timeoutMs) => {
      let timers: number | undefined;
      const { seen, run } = service({ submit: () => (timers = vi.getTimerCount()) });
      expect((await run(timeoutMs)).id).toBe('task-1');
      // The submit's own, and the call's where a timer can be set for its time.
      expect([timers, vi.getTimerCount()]).toEqual([timeoutMs === 20_000 ? 2 : 1, 0]);
      expect(seen).toEqual([...uploaded, 'submit']);
    },
  );
});
