/** Ids that lead nowhere else than to their task, and URLs that the key is not sent to. */
import { describe, expect, test } from 'vitest';
import { InvalidInputError, KLING_O3_STD, SubmissionUnknownError, WaveSpeedKling } from 'wavespeed-kling';
import { clientOn, done, envelope, failure, isSubmit, task } from '../support/client.js';

const INPUT = { prompt: 'A fox in the snow' } as const;
type Kling = WaveSpeedKling;

describe('ids', () => {
  const byId: Record<string, (kling: Kling, id: string) => Promise<unknown>> = {
    get: (kling, id) => kling.get(id),
    wait: (kling, id) => kling.wait(id),
    watch: (kling, id) => kling.watch(id).next(),
    delete: (kling, id) => kling.delete(id),
    'delete of several': (kling, id) => kling.delete(['task-1', id]),
    resolve: (kling, id) => kling.resolve('key', id),
  };
  const ids = ['.', '..', '', ' ', 'task-\ud800', '\udc00task', 'a\udfff\ud800b'];
  test.each(Object.keys(byId).flatMap((call) => ids.map((id) => [call, id] as const)))(
    '%s rejects %j, and sends nothing',
    async (call, id) => {
      const { kling, seen } = clientOn(() => envelope(done()));
      const error = await failure(byId[call]?.(kling, id) ?? Promise.resolve(), InvalidInputError);
      expect(error.message).toContain('expected the id of a task');
      expect(seen).toEqual([]);
    },
  );

  test.each(['../balance', 'a/../../balance', '%2e%2e', 'a?b#c', '\\..', 'ü'])(
    '%j stays one segment of the path',
    async (id) => {
      const { kling, seen } = clientOn(() => envelope(done({ id })));
      expect((await kling.wait(id)).id).toBe(id);
      expect(seen[0]?.path).toBe(`/api/v3/predictions/${encodeURIComponent(id)}/result`);
    },
  );

  test.each(['..', '.', 'task-\ud800'])(
    'a submit whose response names its task %j is an unknown outcome',
    async (id) => {
      const { kling, seen } = clientOn(() => envelope(task({ id })));
      await failure(kling.run(KLING_O3_STD, INPUT, { timeoutMs: 1000 }), SubmissionUnknownError);
      expect(seen.filter(isSubmit)).toHaveLength(1);
      expect(seen).toHaveLength(1);
    },
  );
});

describe('the key', () => {
  const foreign = [
    'https://evil.example/api/v3/predictions/task-1/result',
    'http://api.wavespeed.ai/api/v3/predictions/task-1/result',
    'https://api.wavespeed.ai:444/api/v3/predictions/task-1/result',
    'https://api.wavespeed.ai@evil.example/api/v3/predictions/task-1/result',
    'https://user:pass@api.wavespeed.ai/api/v3/predictions/task-1/result',
    'https://api.wavespeed.ai.evil.example/api/v3/predictions/task-1/result',
    '//evil.example/api/v3/predictions/task-1/result',
    'https://api.wavespeed.ai/elsewhere/task-1',
    'https://api.wavespeed.ai/api/v3/../../elsewhere',
    'javascript:alert(1)',
  ];
  test.each(foreign)('the key goes nowhere but to the API for a urls.get of %s', async (get) => {
    const urls: string[] = [];
    let polls = 0;
    const fetch = (async (url: string) => {
      urls.push(url);
      return envelope(++polls < 4 ? task({ urls: { get } }) : done());
    }) as typeof globalThis.fetch;
    const kling = new WaveSpeedKling({ apiKey: 'test-key-123456', fetch });
    await kling.run(KLING_O3_STD, INPUT, { pollIntervalMs: 1 });
    expect(new Set(urls.slice(1))).toEqual(
      new Set(['https://api.wavespeed.ai/api/v3/predictions/task-1/result']),
    );
  });
});
