// `mcp` with the official client SDK over stdio: an agent's work, with kills between its calls and a lock on the purse.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { fileJournal } from 'wavespeed-kling';
import { IMAGE, setUp } from './support.js';

const COMMAND = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const MODEL = 'o3-std';
const INPUT = { prompt: 'A fox in the snow', duration: 3 };
const COST = 0.252;

interface Result {
  isError: boolean;
  text: string;
  /** The structured content, which is also the text. */
  value: Record<string, unknown>;
}

const clients: Client[] = [];
const outside = mkdtempSync(join(tmpdir(), 'wavespeed-kling-outside-'));
afterAll(async () => {
  for (const client of clients) await client.close();
  rmSync(outside, { recursive: true, force: true });
});

type Bench = Awaited<ReturnType<typeof setUp>>;

/** Starts the server as a client does. */
async function connect({ env, directory }: Bench, args: readonly string[]) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [COMMAND, 'mcp', ...args],
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', ...(env as Record<string, string>) },
    stderr: 'ignore',
  });
  const client = new Client({ name: 'agent', version: '1.0.0' });
  await client.connect(transport);
  clients.push(client);
  const call = async (name: string, given: object = {}, options: Parameters<Client['callTool']>[2] = {}) => {
    const result = await client.callTool({ name, arguments: { ...given } }, undefined, options);
    const [content] = result.content as { type: string; text: string }[];
    const text = content?.text ?? '';
    const value = (result.structuredContent ?? {}) as Record<string, unknown>;
    if (result.isError !== true) expect(JSON.parse(text)).toEqual(value);
    return { isError: result.isError === true, text, value } satisfies Result;
  };
  return {
    client,
    call,
    /** Ends the server without notice. */
    kill: async () => {
      const closed = new Promise((resolve) => {
        client.onclose = () => resolve(undefined);
      });
      process.kill(transport.pid ?? 0, 'SIGKILL');
      await closed;
    },
  };
}

const JOURNAL = ['--max-cost', '0.5', '--journal', 'agent.journal'];

/** Kills a server whose submit was accepted, before it hears of that. Returns the arguments of the call. */
async function dieInMidSubmit(bench: Bench) {
  bench.emulator.fail({ on: 'submit', kind: 'hang', when: 'headers', accepted: true });
  const first = await connect(bench, JOURNAL);
  const start = { model: MODEL, input: INPUT, expected_cost: COST };
  const lost = first.call('start_video', start).catch((error: unknown) => error);
  await vi.waitFor(() => expect(bench.submits()).toBe(1));
  await first.kill();
  await lost;
  return start;
}

describe.concurrent('an agent', () => {
  test('lists, prices, starts, is killed, starts again, checks and downloads: one payment', async () => {
    const bench = await setUp({ processingMs: 600_000 });
    const { emulator, submits, directory } = bench;
    const first = await connect(bench, JOURNAL);
    const { tools } = await first.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'list_models',
      'price_video',
      'start_video',
      'check_video',
      'download_video',
      'list_videos',
    ]);
    const models = await first.call('list_models');
    expect(models.value['models']).toContainEqual(
      expect.objectContaining({ name: MODEL, input_schema: expect.objectContaining({ type: 'object' }) }),
    );
    const price = await first.call('price_video', { model: MODEL, input: INPUT });
    expect(price.value).toMatchObject({ cost: COST });
    const start = { model: MODEL, input: INPUT, expected_cost: COST, key: 'fox' };
    const started = await first.call('start_video', start);
    const { id } = emulator.account.tasks[0] ?? {};
    expect(started.value).toEqual({ id, cost: COST, spent: COST, left: 0.248 });
    await first.kill();

    const second = await connect(bench, JOURNAL);
    const again = await second.call('start_video', {
      ...start,
      input: { duration: 3, prompt: INPUT.prompt },
    });
    expect(again.value).toEqual({ id, cost: COST, spent: COST, left: 0.248 });
    const look = await second.call('check_video', { id });
    expect(look.value).toMatchObject({ id, status: 'processing', model: MODEL });
    const early = await second.call('download_video', { id });
    expect([early.isError, early.text]).toEqual([true, expect.stringContaining('Call check_video')]);

    const waiting = second.call('check_video', { id, wait_seconds: 50 });
    await vi.waitFor(() => expect(emulator.requestCount({ operation: 'result' })).toBeGreaterThan(2));
    emulator.account.tasks[0]?.complete();
    expect((await waiting).value).toMatchObject({ status: 'completed', outputs: [expect.any(String)] });
    await second.kill();

    const third = await connect(bench, [...JOURNAL, '--out', 'videos']);
    const download = await third.call('download_video', { id });
    const [file = ''] = download.value['files'] as string[];
    expect(file).toBe(join(directory, 'videos', `${id}-1.mp4`));
    expect(readFileSync(file).subarray(4, 8).toString()).toBe('ftyp');
    expect((await third.call('download_video', { id })).value).toEqual(download.value);
    expect((await third.call('list_videos')).value['videos']).toMatchObject([{ id, status: 'completed' }]);

    // Another video would be over the budget of the day, which the earlier processes have used.
    const over = await third.call('start_video', { ...start, key: 'hare' });
    expect(over.isError).toBe(true);
    expect(over.text).toMatch(/costs \$0\.252, and \$0\.248 of the budget of \$0\.5 is left.*--max-cost/);
    expect([submits(), emulator.account.charged]).toEqual([1, COST]);
  });

  test('killed in mid-submit and started again: finds what was paid, and counts it', async () => {
    const bench = await setUp();
    const { emulator, submits } = bench;
    const start = await dieInMidSubmit(bench);
    const second = await connect(bench, JOURNAL);
    const over = await second.call('start_video', { ...start, key: 'another' });
    expect([over.isError, submits()]).toEqual([true, 1]);
    const found = await second.call('start_video', start);
    expect(found.value).toMatchObject({ id: emulator.account.tasks[0]?.id, spent: COST });
    expect(submits()).toBe(1);
  });

  test('a submit that is still open stays in the budget when the call that looks for it fails', async () => {
    const bench = await setUp();
    const { submits } = bench;
    const start = await dieInMidSubmit(bench);
    const second = await connect(bench, JOURNAL);
    // A journal that another program touched is not written to; the next call opens it again.
    utimesSync(join(bench.directory, 'agent.journal'), 1, 1);
    const failed = await second.call('start_video', start);
    expect([failed.isError, failed.text]).toEqual([
      true,
      expect.stringContaining('not as this process left'),
    ]);
    const other = await second.call('start_video', { ...start, key: 'another' });
    expect([other.isError, other.text]).toEqual([true, expect.stringContaining('$0.248 of the budget')]);
    expect(submits()).toBe(1);
  });

  test('two calls at once are one payment', async () => {
    const bench = await setUp();
    const { call } = await connect(bench, ['--max-cost', '1']);
    const start = { model: MODEL, input: INPUT, expected_cost: COST };
    const results = await Promise.all([call('start_video', start), call('start_video', start)]);
    expect(new Set(results.map(({ value }) => value['id'])).size).toBe(1);
    expect(results[1]?.value).toMatchObject({ spent: COST, left: 0.748 });
    expect(bench.submits()).toBe(1);
  });

  test('a start that is refused by the service does not use the budget', async () => {
    const bench = await setUp();
    bench.emulator.fail({ on: 'submit', kind: 'status', status: 400 });
    const { call } = await connect(bench, ['--max-cost', '0.3']);
    const start = { model: MODEL, input: INPUT, expected_cost: COST };
    expect(await call('start_video', start)).toMatchObject({ isError: true });
    expect((await call('start_video', start)).value).toMatchObject({ spent: COST });
  });

  test.for([
    ['a price that was not asked', { expected_cost: 0.25 }, /price is \$0\.252.*expected_cost 0\.252/],
    ['an unknown model', { model: 'o9' }, /got "o9".*list_models/],
    ['an unknown field', { input: { ...INPUT, seconds: 3 } }, /seconds.*list_models/],
    ['an unknown argument', { budget: 3 }, /Invalid arguments of start_video: .*"budget"\. Correct them/],
    ['a local file', { input: { ...INPUT, images: [IMAGE] } }, /--allow/],
  ] as const)('%s is refused with the next step, and nothing is sent', async ([, given, message]) => {
    const bench = await setUp();
    const { call } = await connect(bench, ['--max-cost', '1']);
    const start = { model: MODEL, input: INPUT, expected_cost: COST, ...given };
    const { isError, text } = await call('start_video', start);
    expect(isError).toBe(true);
    expect(text).toMatch(message);
    expect(bench.emulator.requests).toEqual([]);
  });

  test('local files are used only below --allow, links included', async () => {
    const bench = await setUp();
    const { emulator, directory } = bench;
    mkdirSync(join(directory, 'images'));
    copyFileSync(IMAGE, join(directory, 'images', 'front.jpg'));
    copyFileSync(IMAGE, join(outside, 'secret.jpg'));
    symlinkSync(outside, join(directory, 'images', 'link'));
    writeFileSync(join(directory, 'images-of-others.jpg'), 'x');
    const { call } = await connect(bench, ['--max-cost', '1', '--allow', 'images']);
    const withImage = (image: string) => ({
      model: MODEL,
      input: { ...INPUT, images: [image] },
      expected_cost: COST,
    });
    for (const image of [
      join(outside, 'secret.jpg'),
      'images/link/secret.jpg',
      'images/../images-of-others.jpg',
      pathToFileURL(join(outside, 'secret.jpg')).href,
      'images',
      'images/missing.jpg',
    ]) {
      const { isError, text } = await call('start_video', withImage(image));
      expect([isError, text], image).toEqual([true, expect.stringContaining('not a file that may be used')]);
    }
    expect(emulator.requests).toEqual([]);
    const started = await call('start_video', withImage('images/front.jpg'));
    expect(started.value).toMatchObject({ spent: COST });
    const same = await call(
      'start_video',
      withImage(pathToFileURL(join(directory, 'images/front.jpg')).href),
    );
    expect(same.value).toEqual(started.value);
    expect([emulator.uploads.length, bench.submits()]).toEqual([1, 1]);
  });

  test('check_video reports progress while it waits; a cancelled wait ends, and its task does not', async () => {
    const bench = await setUp({ processingMs: 600_000 });
    const { emulator } = bench;
    const { call } = await connect(bench, ['--max-cost', '1']);
    const { value } = await call('start_video', { model: MODEL, input: INPUT, expected_cost: COST });
    const { id } = value;
    const progress: unknown[] = [];
    const cancel = new AbortController();
    const waiting = call(
      'check_video',
      { id, wait_seconds: 50 },
      { signal: cancel.signal, onprogress: (report) => progress.push(report) },
    );
    await vi.waitFor(() => expect(progress).not.toEqual([]));
    expect(progress[0]).toMatchObject({ total: 50, message: expect.any(String) });
    cancel.abort('enough');
    await expect(waiting).rejects.toThrow('enough');
    emulator.account.tasks[0]?.complete();
    expect((await call('check_video', { id })).value).toMatchObject({ id, status: 'completed' });
  });

  test('a failed video is a result with its reason, and another key tries again', async () => {
    const bench = await setUp({ failWith: 'content moderation', failCode: 1200 });
    const { call } = await connect(bench, ['--max-cost', '1']);
    const start = { model: MODEL, input: INPUT, expected_cost: COST };
    const { value } = await call('start_video', start);
    const ended = await call('check_video', { id: value['id'], wait_seconds: 50 });
    expect(ended.value).toMatchObject({ status: 'failed', error: 'content moderation' });
    expect((await call('start_video', start)).value['id']).toBe(value['id']);
    expect((await call('start_video', { ...start, key: 'again' })).value['id']).not.toBe(value['id']);
  });

  test('an id that is not there is refused with the next step', async () => {
    const { call } = await connect(await setUp(), ['--max-cost', '1']);
    const { isError, text } = await call('check_video', { id: 'nobody' });
    expect([isError, text]).toEqual([true, expect.stringContaining('list_videos')]);
  });
});

describe.concurrent('the server', () => {
  test('what it spent yesterday does not count today', async () => {
    const bench = await setUp();
    const common = { fingerprint: 'x', model: 'm', attempt: 1, state: 'submitted', cost: 0.4 };
    const at = (ms: number) => new Date(Date.now() - ms).toISOString();
    // Written through the library, so that the file is what it expects.
    const journal = fileJournal(join(bench.directory, 'agent.journal'));
    await journal.put('old', { ...common, predictionId: 'old', submittedAt: at(25 * 60 * 60_000) } as never);
    await journal.put('new', { ...common, predictionId: 'new', submittedAt: at(0), cost: 0.2 } as never);
    await journal.close();
    const { call } = await connect(bench, JOURNAL);
    const { value } = await call('start_video', { model: MODEL, input: INPUT, expected_cost: COST });
    expect(value).toMatchObject({ spent: 0.452, left: 0.048 });
  });

  test('every tool schema is an object without conditions, patterns, formats and defaults', async () => {
    const { client } = await connect(await setUp(), ['--max-cost', '1']);
    const { tools } = await client.listTools();
    for (const { name, inputSchema, description } of tools) {
      expect(inputSchema.type, name).toBe('object');
      expect(description, name).not.toBe('');
      const keywords = new Set<string>();
      JSON.stringify(inputSchema, (key, value: unknown) => {
        keywords.add(key);
        return value;
      });
      const refused = [
        'if',
        'then',
        'else',
        'allOf',
        'anyOf',
        'oneOf',
        'not',
        'pattern',
        'format',
        'default',
        '$ref',
      ];
      expect(
        refused.filter((keyword) => keywords.has(keyword)),
        name,
      ).toEqual([]);
    }
  });

  test.for([
    ['no --max-cost', ['mcp'], 2, {}, /--max-cost/],
    ['no key', ['mcp', '--max-cost', '1'], 4, { WAVESPEED_API_KEY: '' }, /No API key/],
    [
      'a directory that is not there',
      ['mcp', '--max-cost', '1', '--allow', 'no'],
      2,
      {},
      /--allow: no is not/,
    ],
  ] as const)('%s: ends with an error, and nothing on stdout', async ([, args, expected, env, message]) => {
    const { run } = await setUp();
    const { code, stdout, stderr } = await run(args, { env });
    expect([code, stdout]).toEqual([expected, '']);
    expect(stderr).toMatch(message);
  });

  test('ends when its client closes stdin', async () => {
    const { run } = await setUp();
    const { code, stdout } = await run(['mcp', '--max-cost', '1'], { stdin: '' });
    expect([code, stdout]).toEqual([0, '']);
  });
});
