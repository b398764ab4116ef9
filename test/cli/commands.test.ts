// The commands that look, move files and check, each as a process: what is on stdout, and what --json prints.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KLING_O1, KLING_O3_STD } from 'wavespeed-kling';
import { isWindows } from '../support/platform.js';
import { IMAGE, parseLines, setUp } from './support.js';

describe.concurrent('looking', () => {
  test('get prints one line; --json the task as it is', async () => {
    const { run, emulator } = await setUp();
    const { id } = emulator.addTask({ status: 'failed', error: 'two\nlines' });
    const human = await run(['get', id]);
    expect([human.code, human.stdout, human.stderr]).toEqual([0, `${id}\tfailed\ttwo lines\n`, '']);
    const json = await run(['get', id, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ id, model: KLING_O3_STD, status: 'failed', outputs: [] });
  });

  test('list prints the newest first, filtered, at most --limit of them', async () => {
    const { run, emulator } = await setUp();
    const now = Date.now();
    emulator.addTask({ id: 'old', model: KLING_O1, created_at: now - 3000 });
    emulator.addTask({ id: 'other', model: KLING_O3_STD, created_at: now - 2000 });
    emulator.addTask({ id: 'new', model: KLING_O1, created_at: now - 1000 });
    const all = await run(['list']);
    expect(all.stdout.split('\n').map((line) => line.split('\t').slice(0, 2))).toEqual([
      ['new', 'o1'],
      ['other', 'o3-std'],
      ['old', 'o1'],
      [''],
    ]);
    const some = await run(['list', '--model', 'o1', '--limit', '1', '--json']);
    expect(parseLines(some.stdout)).toMatchObject([{ id: 'new' }]);
    expect(emulator.requests.at(-1)?.body).toMatchObject({ model: KLING_O1, page_size: 1 });
  });

  test('balance and price print a number', async () => {
    const { run } = await setUp({ balance: 12.5 });
    expect(await run(['balance'])).toMatchObject({ code: 0, stdout: '12.5\n', stderr: '' });
    expect(await run(['price', 'o3-std', '--duration', '8'])).toMatchObject({ code: 0, stdout: '0.672\n' });
    const json = await run(['price', 'o1', '--video', 'https://example.com/a.mp4', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({
      model: KLING_O1,
      price: 0.84,
      list_price: 0.84,
      estimate: 0.84,
    });
  });

  test('price without a key is the list price, asked of nobody', async () => {
    const { run, emulator } = await setUp();
    const { stdout, stderr } = await run(['price', 'o1'], { env: { WAVESPEED_API_KEY: undefined } });
    expect([stdout, emulator.requests.length]).toEqual(['0.56\n', 0]);
    expect(stderr).toContain('No API key');
  });
});

describe.concurrent('files', () => {
  test('upload prints a URL per file, whose bytes are the file’s', async () => {
    const { run } = await setUp();
    const { code, stdout, stderr } = await run(['upload', IMAGE]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^http\S+\n$/)]);
    expect(stderr).toContain(`uploading ${basename(IMAGE)}`);
    const response = await fetch(stdout.trim());
    expect(Buffer.from(await response.arrayBuffer()).equals(readFileSync(IMAGE))).toBe(true);
  });

  test('upload goes on after a file that is not one, and exits 1', async () => {
    const { run, emulator } = await setUp();
    const { code, stdout, stderr } = await run(['upload', 'missing.png', IMAGE, '--json']);
    expect(code).toBe(1);
    expect(parseLines(stdout)).toEqual([{ file: IMAGE, url: emulator.uploads[0]?.url }]);
    expect(stderr).toContain('missing.png');
  });

  test('run uploads a local image once, and submits its URL', async () => {
    const { run, emulator } = await setUp();
    const { code } = await run(['run', 'o1', '-p', 'x', '--image', IMAGE]);
    expect([code, emulator.uploads.length]).toEqual([0, 1]);
    expect(emulator.account.tasks[0]?.input.images).toEqual([emulator.uploads[0]?.url]);
  });

  test('download saves by id and by URL, and replaces nothing without --overwrite', async () => {
    const { run, emulator, directory } = await setUp();
    const { stdout: id } = await run(['run', 'o1', '-p', 'x', '--no-wait']);
    emulator.account.tasks[0]?.complete();
    const url = `${emulator.url}/outputs/${id.trim()}/1.mp4`;
    const byId = await run(['download', id.trim(), '-o', 'out']);
    expect([byId.code, byId.stdout]).toEqual([0, `${join(directory, 'out', `${id.trim()}-1.mp4`)}\n`]);
    const byUrl = await run(['download', url, '--json']);
    expect(parseLines(byUrl.stdout)).toEqual([{ source: url, file: join(directory, '1.mp4') }]);
    const again = await run(['download', url]);
    expect([again.code, again.stdout]).toEqual([1, '']);
    expect((await run(['download', url, '--overwrite'])).code).toBe(0);
  });

  test('download says which files were there already', async () => {
    const { run, emulator, directory } = await setUp();
    const id = (await run(['run', 'o1', '-p', 'x', '--no-wait'])).stdout.trim();
    emulator.account.tasks[0]?.complete();
    const first = await run(['download', id]);
    const again = await run(['download', id]);
    expect([again.code, again.stdout]).toEqual([0, `${join(directory, `${id}-1.mp4`)}\n`]);
    expect(first.stderr).toContain(`${id} downloaded`);
    expect(again.stderr).toContain(`${id} already there`);
    expect(again.stderr).not.toContain('download');
    expect((await run(['download', id, '--overwrite'])).stderr).toContain(`${id} downloaded`);
  });
});

describe.concurrent('doctor', () => {
  test('everything as expected: exit code 0, and nothing spent', async () => {
    const { run, emulator, submits } = await setUp();
    const { code, stdout } = await run(['doctor', '--json']);
    expect([code, submits(), emulator.account.charged]).toEqual([0, 0, 0]);
    const checks = parseLines(stdout) as unknown as { check: string; ok: boolean }[];
    const names = checks.map(({ check }) => check);
    expect(names.slice(0, 6)).toEqual(['node', 'proxy', 'network', 'key', 'balance', 'models']);
    expect(names.slice(-2)).toEqual(['list', 'webhook secret']);
    for (const name of [
      'fields o1',
      'price o1',
      'price o1 with a video',
      'price o3-std with sound',
      'price v4 at 4k',
      'price o3-4k at 9:16',
    ])
      expect(names).toContain(name);
    // Only with a video, and only from 1080p: not asked alone.
    expect(names.filter((name) => /v4 with keep|v4 at hdr/.test(name))).toEqual([]);
    expect(checks.every(({ ok }) => ok)).toBe(true);
    expect(stdout).not.toContain(emulator.webhookSecret);
  });

  test('another price: says which, and exits 1', async () => {
    const { run, emulator } = await setUp();
    emulator.fail({ on: 'price', kind: 'data', patch: { price: 0.6 } });
    const { code, stdout } = await run(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^differs\tprice o1\t\$0\.6 at the service, \$0\.56 here/m);
  });

  test.for([
    ['no key', { WAVESPEED_API_KEY: '' }, /^differs\tkey\t/m],
    ['a wrong key', { WAVESPEED_API_KEY: 'wrong' }, /^differs\tkey\t.*401/m],
    ['no network', { WAVESPEED_BASE_URL: 'http://127.0.0.1:9' }, /^differs\tnetwork\t/m],
    [
      'a dead proxy',
      { HTTP_PROXY: 'http://user:secret@127.0.0.1:9' },
      /^ok\tproxy\t127\.0\.0\.1:9\ndiffers\tnetwork\t/m,
    ],
  ] as const)('%s: says so, and exits 1', async ([, env, line]) => {
    const { run } = await setUp({ apiKey: 'right' });
    const { code, stdout } = await run(['doctor'], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(line);
    expect(stdout).not.toContain('secret');
  });

  test('--spend asks first: without a terminal it needs --yes', async () => {
    const { run, submits } = await setUp();
    const { code, stderr } = await run(['doctor', '--spend']);
    expect([code, submits()]).toEqual([2, 0]);
    expect(stderr).toContain('--yes');
  });

  test('--spend asks on a terminal, and takes no for an answer', async () => {
    const { terminal, submits } = await setUp();
    const { shows, type, ended } = terminal(['doctor', '--spend']);
    await shows(/for \$0\.588\? \[y\/N\]/);
    type('n\r');
    expect([await ended, submits()]).toEqual([2, 0]);
  });

  test('--spend --yes makes one short video per model, and checks each fact on the way', async () => {
    const { run, emulator, submits } = await setUp();
    const { code, stdout, stderr } = await run(['doctor', '--spend', '--yes']);
    expect(stdout.split('\n').filter((line) => line.startsWith('differs'))).toEqual([]);
    expect([code, submits(), emulator.account.charged]).toEqual([0, 2, 0.588]);
    for (const check of ['submit', 'clock', 'statuses', 'result', 'fields', 'file', 'charge', 'history']) {
      expect(stdout).toMatch(new RegExp(`^ok\\to1 ${check}\\t`, 'm'));
      expect(stdout).toMatch(new RegExp(`^ok\\to3-std ${check}\\t`, 'm'));
    }
    for (const { id } of emulator.account.tasks)
      expect(stderr).toContain(`wavespeed-kling wait ${id} -o out`);
  });

  test('--spend --record writes the answers, without the key, the secret and ids', async () => {
    const { run, emulator, directory } = await setUp({ apiKey: 'a-key-to-keep' });
    const { code, stdout } = await run(['doctor', '--spend', '--yes', '--record', 'answers']);
    expect([code, stdout.match(/^ok\trecord\t(\d+) answers in answers$/m)?.[1]]).toEqual([
      0,
      String(emulator.requests.filter(({ path }) => path.startsWith('/api/v3/')).length),
    ]);
    const names = readdirSync(join(directory, 'answers'));
    expect(names[0]).toBe('001-GET-balance.json');
    const texts = names.map((name) => readFileSync(join(directory, 'answers', name), 'utf8')).join('');
    for (const secret of [
      emulator.apiKey,
      emulator.webhookSecret,
      ...emulator.account.tasks.map(({ id }) => id),
    ])
      expect(names.join('') + texts).not.toContain(secret);
    const again = await run(['doctor', '--record', 'answers']);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('pass a new directory')]);
  });
});

test('emulator prints the lines to export, serves any client, and ends with Ctrl-C', async () => {
  const { start, run } = await setUp();
  const { ended, kill, shows, child } = start(['emulator']);
  let printed = '';
  child.stdout?.on('data', (chunk: string) => (printed += chunk));
  await shows('stdout', /\n/);
  const [, url, key] = /^export WAVESPEED_BASE_URL=(\S+) WAVESPEED_API_KEY=(\S+)\n$/.exec(printed) ?? [];
  const env = { WAVESPEED_BASE_URL: url, WAVESPEED_API_KEY: key };
  expect(await run(['run', 'o1', '-p', 'x'], { env })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`${url}/outputs/`),
  });
  kill('SIGINT');
  const { code } = await ended;
  if (!isWindows) expect(code).toBe(0);
});

test('emulator: a rehearsal with a balance, failures and limits needs no code', async () => {
  const { start, run, write } = await setUp();
  const flags = [
    '--balance',
    '0.8',
    '--speed',
    '1000',
    '--per-minute',
    '3',
    '--fail',
    '50%:content moderation',
  ];
  const { ended, kill, shows, child } = start(['emulator', '--json', ...flags]);
  let printed = '';
  child.stdout?.on('data', (chunk: string) => (printed += chunk));
  await shows('stdout', /\n/);
  const { url, api_key } = JSON.parse(printed) as { url: string; api_key: string };
  const env = { WAVESPEED_BASE_URL: url, WAVESPEED_API_KEY: api_key };
  const rows = ['1', '2', '3'].map((prompt) => ({ key: prompt, model: 'o3-std', prompt, duration: 3 }));
  const { code, stdout, stderr } = await run(['batch', write('rows.jsonl', rows)], { env });
  expect(code).toBe(1);
  expect(stderr).toContain('2 done $0.50 · 1 failed $0.25 (refunded within 3 h) · balance $0.04');
  expect(stdout).toContain('content moderation');
  const submit = (body: unknown) =>
    fetch(`${url}/api/v3/kwaivgi/kling-video-o3-std/reference-to-video`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  expect((await submit({ prompt: 'x', duration: 3 })).status).toBe(429);
  kill('SIGINT');
  await ended;
});

test.for([
  ['--fail', 'often'],
  ['--fail', '200%:x'],
  ['--speed', '0'],
  ['--balance', '-1'],
] as const)('emulator %s %s: exit code 2', async (flags) => {
  const { run } = await setUp();
  expect((await run(['emulator', ...flags])).code).toBe(2);
});

test('every command has help with an example, on stdout', async () => {
  const { run } = await setUp();
  const { stdout } = await run(['--help']);
  const names = [...stdout.matchAll(/^ {2}([a-z]+) \[?/gm)].map(([, name]) => name ?? '');
  expect(names).toContain('doctor');
  for (const name of names.filter((one) => one !== 'help')) {
    const help = await run([name, '--help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toMatch(new RegExp(`Example:\\n {2}\\$ wavespeed-kling ${name}`));
  }
});
