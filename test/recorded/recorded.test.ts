// Replays recorded answers of the service (`doctor --spend --record`) through the client, and compares them with the emulator's.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { KLING_O3_STD, WaveSpeedError, WaveSpeedKling } from 'wavespeed-kling';
import { createEmulator } from 'wavespeed-kling/testing';
import { SPEND_INPUT } from '../../src/cli/doctor-input.js';
import { type RecordedExchange, Recorder } from '../../src/cli/record.js';
import { AnswerRedactor } from '../../src/cli/redact-answer.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const directory = await mkdtemp(join(tmpdir(), 'wavespeed-kling-recorded-'));
afterAll(() => rm(directory, { recursive: true, force: true }));

async function readRecording(folder: string): Promise<RecordedExchange[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as RecordedExchange),
  );
}

/** What was asked, whichever task or model it was about. */
const operationOf = ({ path }: RecordedExchange) =>
  path.replace(/\/predictions\/[^/]+/, '/predictions/*').replace(/\/kwaivgi\/.*/, '/kwaivgi/*');

/** Reads an exchange through the client, with a fetch that gives its answer. */
async function replay(exchange: RecordedExchange): Promise<void> {
  const { status, contentType, body } = exchange;
  const headers: Record<string, string> = contentType === null ? {} : { 'content-type': contentType };
  const answer = () => new Response(JSON.stringify(body), { status, headers });
  await using kling = new WaveSpeedKling({ apiKey: 'replay', maxRetries: 0, fetch: async () => answer() });
  await read(kling, exchange);
}

async function read(kling: WaveSpeedKling, exchange: RecordedExchange): Promise<unknown> {
  const { path } = exchange;
  switch (operationOf(exchange)) {
    case '/api/v3/balance':
      return kling.balance();
    case '/api/v3/models':
      return kling.listModels();
    case '/api/v3/model/price':
      return kling.quote(KLING_O3_STD, SPEND_INPUT);
    case '/api/v3/webhook/secret':
      return kling.webhookSecret();
    case '/api/v3/predictions':
      return (await kling.list()[Symbol.asyncIterator]().next()).value;
    case '/api/v3/predictions/*/result':
      return kling.get(path.split('/').at(-2) ?? '');
    case '/api/v3/kwaivgi/*':
      return kling.submit(path.slice('/api/v3/'.length) as typeof KLING_O3_STD, SPEND_INPUT);
    default:
      throw new Error(`no call reads ${path}`);
  }
}

/** Where the emulator shows a member that the service does not have, or of another type. */
function differences(service: unknown, emulator: unknown, at = ''): string[] {
  if (service === null || emulator === null) return [];
  const [real, made] = [service, emulator].map((value) => (Array.isArray(value) ? 'array' : typeof value));
  if (real !== made) return [`${at}: ${real} at the service, ${made} in the emulator`];
  if (made === 'array') {
    const [[one], [other]] = [service as unknown[], emulator as unknown[]];
    return one === undefined || other === undefined ? [] : differences(one, other, `${at}[]`);
  }
  if (made !== 'object') return [];
  return Object.entries(emulator as object).flatMap(([name, value]) => {
    const own = (service as Record<string, unknown>)[name];
    if (own === undefined) return [`${at}.${name}: not at the service`];
    return differences(own, value, `${at}.${name}`);
  });
}

/** Records, from the emulator, every call that `doctor --spend` makes. */
async function recordEmulator() {
  const emulator = createEmulator({ queueMs: 0, processingMs: 0 });
  const folder = join(directory, 'emulator');
  const recorder = new Recorder(folder, emulator.apiKey, emulator.fetch);
  await recorder.open();
  await using kling = new WaveSpeedKling({
    apiKey: emulator.apiKey,
    fetch: recorder.fetch,
    pollIntervalMs: 100,
  });
  await using application = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
  const other = await application.run(KLING_O3_STD, { prompt: 'A private matter', duration: 3 });
  await kling.balance();
  await kling.listModels();
  await kling.quote(KLING_O3_STD, SPEND_INPUT);
  const video = await kling.run(KLING_O3_STD, SPEND_INPUT);
  await kling.get(video.id);
  for await (const task of kling.list({ include_inputs: true })) if (task.id === other.id) break;
  const secret = await kling.webhookSecret();
  const count = await recorder.close();
  const secrets = [emulator.apiKey, secret, other.id, video.id, 'A private matter', ...video.outputs];
  return { exchanges: await readRecording(folder), folder, count, secrets };
}

const emulated = await recordEmulator();
const recorded = await readRecording(HERE);

function compared(exchanges: readonly RecordedExchange[]): string[] {
  return exchanges.flatMap((exchange) => {
    const same = emulated.exchanges.find(
      (one) => operationOf(one) === operationOf(exchange) && one.status === exchange.status,
    );
    return same === undefined ? [] : differences(exchange.body, same.body, operationOf(exchange));
  });
}

describe('recorded answers of the service', () => {
  test.runIf(recorded.length === 0)('none yet', () => {
    expect(recorded).toEqual([]);
  });

  test.each(recorded.map((exchange, index) => [index + 1, exchange.path, exchange] as const))(
    'number %i, %s, is read by the client',
    async (_number, _path, exchange) => {
      if (exchange.status < 400) await replay(exchange);
      else await expect(replay(exchange)).rejects.toBeInstanceOf(WaveSpeedError);
    },
  );

  test.runIf(recorded.length > 0)('have every member that the emulator shows', () => {
    expect(compared(recorded)).toEqual([]);
  });
});

describe('a recording', () => {
  test('has one file for each exchange, which the client reads again', async () => {
    expect(emulated.exchanges).toHaveLength(emulated.count);
    expect([...new Set(emulated.exchanges.map(operationOf))].toSorted()).toEqual([
      '/api/v3/balance',
      '/api/v3/kwaivgi/*',
      '/api/v3/model/price',
      '/api/v3/models',
      '/api/v3/predictions',
      '/api/v3/predictions/*/result',
      '/api/v3/webhook/secret',
    ]);
    for (const exchange of emulated.exchanges) {
      expect(Object.keys(exchange)).toEqual(['method', 'path', 'status', 'contentType', 'body']);
      await replay(exchange);
    }
    expect(compared(emulated.exchanges)).toEqual([]);
  });

  test('that differs from the emulator says where', () => {
    const [balance] = emulated.exchanges;
    const body = { ...(balance?.body as object), data: { balance: '12' } };
    expect(compared([{ ...(balance as RecordedExchange), body }])).toEqual([
      '/api/v3/balance.data.balance: string at the service, number in the emulator',
    ]);
    expect(compared([{ ...(balance as RecordedExchange), body: { code: 200 } }])).toContain(
      '/api/v3/balance.data: not at the service',
    );
  });

  test('contains no key, secret, task id, prompt or output of the account', async () => {
    for (const name of await readdir(emulated.folder)) {
      const text = `${name}\n${await readFile(join(emulated.folder, name), 'utf8')}`;
      for (const secret of emulated.secrets) expect(text, name).not.toContain(secret);
      expect(text).not.toMatch(/authorization|bearer/i);
    }
  });

  test('is refused where another one lies', async () => {
    const recorder = new Recorder(emulated.folder, 'key', fetch);
    await expect(recorder.open()).rejects.toThrow(/has \.json files; pass a new directory/);
  });

  test('that cannot be written leaves the client its answer, and is reported at the end', async () => {
    const emulator = createEmulator();
    const recorder = new Recorder(join(directory, 'missing'), emulator.apiKey, emulator.fetch);
    await using kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: recorder.fetch });
    expect(await kling.balance()).toBeGreaterThan(0);
    await expect(recorder.close()).rejects.toThrow(/ENOENT/);
  });
});

describe('of an answer', () => {
  const redact = (data: unknown, path = '/api/v3/billings/search') =>
    new AnswerRedactor('KEY-123').body(path, JSON.stringify({ code: 200, message: 'success', data }));

  test.each([
    ['an email address', { email: 'jane@example.com' }, { email: 'redacted' }],
    ['an account name in a list', { users: ['Jane Doe'] }, { users: ['redacted'] }],
    [
      'the uuid of an access key',
      { access_key: { uuid: 'c0ffee', name: 'prod' } },
      { access_key: { uuid: 'id-1', name: 'redacted' } },
    ],
    ['a number that is an id', { user_id: 4711 }, { user_id: 1 }],
    [
      'a signed URL',
      { url: 'https://jane.s3.example/v.mp4?sig=SECRET' },
      { url: 'https://cdn.invalid/redacted.mp4' },
    ],
    ['the key, wherever it stands', { model: 'a KEY-123' }, { model: 'a redacted' }],
    ['a member that nobody knows', { note: 'Jane' }, { note: 'redacted' }],
  ])('%s is not recorded', (_what, data, kept) => {
    expect(redact(data)).toEqual({ code: 200, message: 'success', data: kept });
  });

  test('the same id is replaced by the same text, in the path too', () => {
    const redactor = new AnswerRedactor('KEY-123');
    const path = redactor.path(new URL('https://api.example/api/v3/predictions/abc/result?token=SECRET'));
    expect(path).toBe('/api/v3/predictions/id-1/result');
    expect(redactor.body(path, JSON.stringify({ id: 'abc', uuid: 'def' }))).toEqual({
      id: 'id-1',
      uuid: 'id-2',
    });
  });

  test('the list of models is kept for Kling, without the queries of URLs', () => {
    const kling = { model_id: 'kwaivgi/kling', poster: 'https://a.example/p.png?sig=SECRET' };
    expect(redact([kling, { model_id: 'another/model' }], '/api/v3/models')).toMatchObject({
      data: [{ model_id: 'kwaivgi/kling', poster: 'https://a.example/p.png' }],
    });
  });

  test('what is not JSON is not recorded', () => {
    expect(new AnswerRedactor('KEY-123').body('/api/v3/balance', '<html>Jane</html>')).toBe('not JSON');
  });
});
