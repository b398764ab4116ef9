import { spawn } from 'node:child_process';
import {
  open as openFile,
  appendFile,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ConfigurationError,
  fileJournal,
  type JournalEntry,
  JournalError,
  KLING_O3_STD,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import { failure } from '../support/client.js';
import { BY, HEADER, OUTDATED } from '../support/journal-file.js';
import { hasProc, isWindows } from '../support/platform.js';

let directory: string;
let path: string;
const opened: { close(): Promise<void> }[] = [];

/** Opens a journal that is closed after the test. */
function open(at: string | URL = path) {
  const journal = fileJournal(at);
  opened.push(journal);
  return journal;
}

beforeEach(async () => {
  // The journal names its file as the system does: macOS links its temporary directory.
  directory = await realpath(await mkdtemp(join(tmpdir(), 'journal-')));
  path = join(directory, 'journal.jsonl');
});
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close();
  await rm(directory, { recursive: true });
  vi.restoreAllMocks();
});

const idle: JournalEntry = {
  fingerprint: 'f',
  model: 'm',
  attempt: 1,
  state: 'idle',
  reason: 'RateLimitError',
};
const submitted = (predictionId: string): JournalEntry => ({
  fingerprint: 'f',
  model: 'm',
  attempt: 1,
  state: 'submitted',
  predictionId,
});
/** Lines of the file without its header. */
const lines = async () => {
  const [header, ...rest] = (await readFile(path, 'utf8')).split('\n');
  expect(JSON.parse(header ?? '')).toMatchObject({ 'wavespeed-kling': 'journal' });
  return rest.slice(0, -1);
};
const keys = async () => (await lines()).map((line) => (JSON.parse(line) as { key: string }).key);

/** All but locks. */
const filesLeft = async () => (await readdir(directory)).filter((name) => !name.includes('.lock.'));

describe('a file journal', () => {
  test('gives back in another process what was written, under the same revisions', async () => {
    const first = open();
    expect(await first.get('a')).toBeUndefined();
    expect(await first.put('a', idle)).toBe(1);
    expect(await first.put('a', submitted('task-1'), 1)).toBe(2);
    expect(await first.put('b', idle)).toBe(1);
    await first.close();

    const second = open(pathToFileURL(path));
    expect(await second.get('a')).toEqual({ entry: submitted('task-1'), revision: 2 });
    expect(await second.get('b')).toEqual({ entry: idle, revision: 1 });
    expect(await second.put('b', submitted('task-1'), 1)).toBe('taken');
    expect(await second.put('b', submitted('task-2'))).toBe('stale');
    expect(await second.put('b', submitted('task-2'), 1)).toBe(2);
  });

  test('resolves a put only when its line is in the file, one line a put', async () => {
    const journal = open();
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await journal.put(`key-${index}`, idle);
        expect(await readFile(path, 'utf8')).toContain(`"key-${index}"`);
      }),
    );
    expect(await lines()).toHaveLength(50);
  });

  test('lets only one of several puts of the same revision through', async () => {
    const journal = open();
    const results = await Promise.all(['t1', 't2', 't3'].map((id) => journal.put('a', submitted(id))));
    // Any of them may be the first: each opens the journal by itself.
    expect(results.filter((result) => result === 'stale')).toHaveLength(2);
    expect(results).toContain(1);
    expect(await lines()).toHaveLength(1);
  });

  test.skipIf(isWindows)('is readable by its owner alone', async () => {
    await open().put('a', idle);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('is opened with the first key, not before', async () => {
    open();
    expect(await readdir(directory)).toEqual([]);
  });

  test('is shared by all journals on the same file in a process, also through a link', async () => {
    await mkdir(join(directory, 'real'));
    await symlink(join(directory, 'real'), join(directory, 'link'));
    const one = open(join(directory, 'real', 'j'));
    const other = open(join(directory, 'link', 'j'));
    await one.put('a', idle);
    expect(await other.get('a')).toEqual({ entry: idle, revision: 1 });
    await one.close();
    expect(await other.put('a', submitted('task-1'), 1)).toBe(2);
    await failure(one.get('a'), JournalError);
  });

  test('finds the key of a task, and yields every entry', async () => {
    const journal = open();
    await journal.put('a', submitted('task-1'));
    await journal.put('b', idle);
    await journal.put('b', submitted('task-2'), 1);
    await journal.close();
    const reopened = open();
    expect(await reopened.find('task-2')).toBe('b');
    expect(await reopened.find('task-3')).toBeUndefined();
    const entries = [];
    for await (const found of reopened.entries()) entries.push(found);
    expect(entries).toEqual([
      { key: 'a', entry: submitted('task-1') },
      { key: 'b', entry: submitted('task-2') },
    ]);
  });

  test('leaves no lock behind when it is closed', async () => {
    const journal = open();
    await journal.put('a', idle);
    expect(await readdir(directory)).toHaveLength(2);
    await journal.close();
    expect(await readdir(directory)).toEqual(['journal.jsonl']);
  });
});

describe('a damaged file', () => {
  const good = JSON.stringify({ key: 'a', entry: idle, revision: 1, by: BY });

  test('loses a torn last line, and is written on from there', async () => {
    await writeFile(path, `${HEADER}${good}\n{"key":"b","entry":{"finger`);
    const journal = open();
    expect(await journal.get('a')).toEqual({ entry: idle, revision: 1 });
    expect(await journal.get('b')).toBeUndefined();
    await journal.put('c', idle);
    await journal.close();
    expect(await keys()).toEqual(['a', 'c']);
  });

  test.each([1, 20])('with the first %i bytes of the header alone is new', async (bytes) => {
    const first = open();
    await first.put('a', idle);
    await first.close();
    await truncate(path, bytes);
    expect(await open().put('b', idle)).toBe(1);
    expect(await keys()).toEqual(['b']);
    expect(await lines()).toHaveLength(1);
  });

  test.each([
    ['no JSON', '{"key":"b","entry":{"finger', 'JSON'],
    ['no key', JSON.stringify({ entry: idle, revision: 1, by: BY }), 'no key'],
    ['no entry', JSON.stringify({ key: 'b', revision: 1, by: BY }), 'entry'],
    ['no writer', JSON.stringify({ key: 'b', revision: 1, entry: idle }), 'by: not a text'],
    [
      'an unknown state',
      JSON.stringify({ key: 'b', revision: 1, by: BY, entry: { ...idle, state: 'sent' } }),
      'state',
    ],
    ['a revision again', good, 'revision 1 after 1'],
    ['an empty line', '', 'JSON'],
  ])('is rejected, with file and line, for %s in the middle', async (_, line, problem) => {
    const last = JSON.stringify({ key: 'z', entry: idle, revision: 1, by: BY });
    const text = `${HEADER}${good}\n${line}\n${last}\n`;
    await writeFile(path, text);
    const error = await failure(open().get('a'), JournalError);
    expect(error.message).toContain(`${path}:3: not a line of a journal (`);
    expect(error.message).toContain(problem);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('that an editor saved as Latin-1 is rejected with file and line, unchanged, and no key is paid for again', async () => {
    const emulator = await startEmulator();
    const { apiKey, url: baseUrl } = emulator;
    const input = { prompt: 'A fox in the snow' };
    const submit = async () => {
      const kling = new WaveSpeedKling({ apiKey, baseUrl, journal: open() });
      await kling.submit(KLING_O3_STD, input, { idempotencyKey: 'café' });
    };
    await submit();
    await opened.pop()?.close();
    const latin1 = Buffer.from(await readFile(path, 'utf8'), 'latin1');
    await writeFile(path, latin1);
    const error = await failure(submit(), JournalError);
    expect(error.message).toContain(`${path}:2: not a line of a journal (not UTF-8)`);
    expect(emulator.requestCount({ operation: 'submit' })).toBe(1);
    expect(await readFile(path)).toEqual(latin1);
    await emulator.close();
  });

  test('is rejected when two keys have the same task', async () => {
    const of = (key: string) => JSON.stringify({ key, entry: submitted('task-1'), revision: 1, by: BY });
    await writeFile(path, `${HEADER}${of('a')}\n${of('b')}\n`);
    const error = await failure(open().get('a'), JournalError);
    expect(error.message).toContain(`${path}:3: not a line of a journal (another key has this task)`);
  });

  test('can be opened once it was restored, by the same journal', async () => {
    await writeFile(path, 'x\n');
    const journal = open();
    await failure(journal.get('a'), JournalError);
    await writeFile(path, `${HEADER}${good}\n`);
    expect(await journal.get('a')).toEqual({ entry: idle, revision: 1 });
  });
});

describe('a file that was being rewritten in place', () => {
  test.each(['before', 'after'])(
    'is completed from its copy after a crash %s the content was written',
    async (when) => {
      const journal = open();
      await journal.put('a', submitted('task-1'));
      await journal.close();
      const text = await readFile(path, 'utf8');
      await writeFile(`${path}.new`, text);
      const stale = text.replace('"ready"', '"stale"');
      await writeFile(path, when === 'before' ? stale.slice(0, stale.indexOf('\n') + 1) : stale);
      expect(await open().get('a')).toEqual({ entry: submitted('task-1'), revision: 1 });
      expect(await readFile(path, 'utf8')).toBe(text);
      expect(await filesLeft()).toEqual(['journal.jsonl']);
    },
  );

  test('is rejected when its copy is missing', async () => {
    const journal = open();
    await journal.put('a', submitted('task-1'));
    await journal.close();
    const stale = (await readFile(path, 'utf8')).replace('"ready"', '"stale"');
    await writeFile(path, stale);
    const error = await failure(open().get('a'), JournalError);
    expect(error.message).toContain(`${path}.new is missing`);
    expect(await readFile(path, 'utf8')).toBe(stale);
  });
});

describe('a long file', () => {
  test('is rewritten with the last entry of each key when most of it is outdated', async () => {
    await writeFile(path, OUTDATED, { mode: 0o644 });
    const journal = open();
    expect(await journal.get('key-2')).toEqual({ entry: idle, revision: 500 });
    expect(await lines()).toHaveLength(3);
    if (!isWindows) expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await journal.put('key-2', submitted('task-1'), 500)).toBe(501);
    await journal.close();
    expect(await lines()).toHaveLength(4);
    expect(await open().get('key-2')).toEqual({ entry: submitted('task-1'), revision: 501 });
    expect(await filesLeft()).toEqual(['journal.jsonl']);
  });

  test('stays as it is while most of it is in use', async () => {
    const text = Array.from({ length: 1500 }, (_, index) =>
      JSON.stringify({ key: `key-${index}`, entry: idle, revision: 1, by: BY }),
    );
    await writeFile(path, `${HEADER}${text.join('\n')}\n`);
    await open().get('a');
    expect(await lines()).toHaveLength(1500);
  });
});

describe('a file that cannot be used', () => {
  test.each([
    ['in a directory that is missing', 'missing/journal.jsonl', 'ENOENT'],
    ['below a file', 'file/journal.jsonl', 'ENOTDIR'],
    ['that is a directory', 'directory', 'EISDIR'],
  ])('is rejected %s, with the path', async (_, name, code) => {
    await writeFile(join(directory, 'file'), '');
    await mkdir(join(directory, 'directory'));
    const error = await failure(open(join(directory, name)).put('a', idle), JournalError);
    expect(error.message).toContain(join(directory, name));
    expect(error.message).toContain(code);
  });

  /** Makes one call of a file handle fail as a disk does. */
  async function failOnce(method: 'write' | 'datasync', code: string, before?: () => Promise<unknown>) {
    const handle = await openFile(join(directory, 'file'), 'w');
    const prototype = Object.getPrototypeOf(handle) as Record<typeof method, () => Promise<unknown>>;
    await handle.close();
    vi.spyOn(prototype, method).mockImplementationOnce(async () => {
      await before?.();
      throw Object.assign(new Error(`${code}: no luck`), { code });
    });
  }

  test.each(['write', 'datasync'] as const)(
    'rejects a put whose %s fails, and forgets it; the next one is written',
    async (method) => {
      const journal = open();
      await journal.put('a', idle);
      // A full disk takes a part of the line.
      await failOnce(method, 'ENOSPC', () => appendFile(path, '{"key":"b","entry":{"fi'));
      const error = await failure(journal.put('b', idle), JournalError);
      expect(error.message).toBe(`${path}: the journal cannot be written: ENOSPC: no luck.`);
      expect(await journal.get('b')).toBeUndefined();
      expect(await journal.put('c', idle)).toBe(1);
      expect(await keys()).toEqual(['a', 'c']);
    },
  );

  test('sends nothing while the disk is full', async () => {
    const emulator = await startEmulator();
    const kling = new WaveSpeedKling({
      apiKey: emulator.apiKey,
      baseUrl: emulator.url,
      journal: open(),
    });
    await failOnce('write', 'ENOSPC');
    const running = kling.run(KLING_O3_STD, { prompt: 'A fox' }, { idempotencyKey: 'order-1' });
    await failure(running, JournalError);
    expect(emulator.requests).toEqual([]);
    await kling.close();
    await emulator.close();
  });

  test.each([undefined, '', 1, new URL('https://example.com/j'), 'a\0b'])(
    'is rejected at once for the path %j',
    (value) => {
      expect(() => fileJournal(value as string)).toThrow(ConfigurationError);
    },
  );
});

describe('a file that is not as this process left it', () => {
  const line = (key: string, by = BY) => `${JSON.stringify({ key, revision: 1, by, entry: idle })}\n`;

  test.each<[string, () => Promise<unknown>]>([
    ['was appended to', () => appendFile(path, line('b'))],
    ['was emptied', () => truncate(path)],
    ['was deleted', () => rm(path)],
    ['was moved', () => rename(path, `${path}.1`)],
    ['was replaced by a copy', () => copyFile(path, `${path}.1`).then(() => rename(`${path}.1`, path))],
    ['was moved with its directory', () => moveDirectory()],
    [
      'was edited to the same length',
      async () => writeFile(path, (await readFile(path, 'utf8')).replace('"a"', '"b"')),
    ],
    [
      'was overwritten with garbage of the same length',
      async () => writeFile(path, Buffer.alloc((await stat(path)).size, 'x\n')),
    ],
  ])('rejects a put after it %s, and writes nothing', async (_, change) => {
    const journal = open();
    await journal.put('a', submitted('task-1'));
    await change();
    const before = await readFile(path).catch(() => undefined);
    const error = await failure(journal.put('c', idle), JournalError);
    expect(error.message).toContain(path);
    expect(await readFile(path).catch(() => undefined)).toEqual(before);
  });

  async function moveDirectory() {
    const moved = `${directory}-moved`;
    await rename(directory, moved);
    directory = moved;
  }

  test.each<[string, () => Promise<unknown>]>([
    ['was emptied', () => truncate(path)],
    ['was deleted', () => rm(path)],
    ['was rotated', () => rename(path, `${path}.1`).then(() => writeFile(path, ''))],
  ])('does not forget a key when it %s and the call is repeated', async (_, change) => {
    const journal = open();
    await journal.put('a', submitted('task-1'));
    await change();
    for (let call = 0; call < 3; call++) await failure(journal.put('b', idle), JournalError);
    await failure(journal.get('a'), JournalError);
  });

  test('is used again once what was missing is back', async () => {
    const journal = open();
    await journal.put('a', submitted('task-1'));
    await rename(path, `${path}.1`);
    await failure(journal.put('b', idle), JournalError);
    await rename(`${path}.1`, path);
    expect(await journal.get('a')).toEqual({ entry: submitted('task-1'), revision: 1 });
    expect(await journal.put('b', idle)).toBe(1);
  });

  test('rejects the put during which another process appends', async () => {
    const journal = open();
    await journal.put('a', idle);
    const handle = await openFile(path);
    const prototype = Object.getPrototypeOf(handle) as { datasync: () => Promise<void> };
    await handle.close();
    vi.spyOn(prototype, 'datasync').mockImplementationOnce(() => appendFile(path, line('b')));
    const error = await failure(journal.put('b', idle), JournalError);
    expect(error.message).toContain('not as this process left it');
    // The first of the two lines counts.
    expect(await journal.get('b')).toEqual({ entry: idle, revision: 1 });
  });

  test('opens with the first of two lines of one revision, or of one task, that two processes wrote', async () => {
    const first = open();
    await first.put('a', submitted('task-1'));
    await first.close();
    const row = (key: string, id: string) =>
      `${JSON.stringify({ key, revision: 1, by: BY, entry: submitted(id) })}\n`;
    await appendFile(path, row('a', 'task-2') + row('b', 'task-1'));
    const journal = open();
    expect(await journal.get('a')).toEqual({ entry: submitted('task-1'), revision: 1 });
    expect(await journal.get('b')).toBeUndefined();
    expect(await journal.put('b', idle)).toBe(1);
  });

  test('is found out through a hard link, also after the file was rewritten', async () => {
    const other = join(directory, 'other.jsonl');
    await writeFile(path, '');
    await link(path, other);
    const [one, two] = [open(), open(other)];
    await one.put('a', idle);
    expect(await two.get('a')).toEqual({ entry: idle, revision: 1 });
    await one.put('b', idle);
    await failure(two.put('b', idle), JournalError);
    expect(await two.get('b')).toEqual({ entry: idle, revision: 1 });
    await two.close();
    await appendFile(other, '{"key":"torn');
    const three = open(other);
    expect(await three.get('b')).toEqual({ entry: idle, revision: 1 });
    expect((await stat(path)).ino).toBe((await stat(other)).ino);
    await failure(one.put('c', idle), JournalError);
  });

  test('rejects calls when its path leads to another file', async () => {
    await writeFile(join(directory, 'one'), '');
    await symlink(join(directory, 'one'), path);
    const journal = open();
    await journal.put('a', submitted('task-1'));
    await rm(path);
    await symlink(join(directory, 'two'), path);
    await failure(journal.get('a'), JournalError);
    expect(await filesLeft()).toEqual(['journal.jsonl', 'one']);
  });
});

describe('a file that is not a journal', () => {
  test.each([
    ['an image', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    ['a token without a line end', Buffer.from('wsk-0123456789abcdef')],
    ['a batch of one line', Buffer.from('{"prompt":"A fox"}')],
    ['a batch', Buffer.from('{"prompt":"A fox"}\n{"prompt":"An owl"}\n')],
    ['a text', Buffer.from('wsk-0123456789abcdef\nsecond line\n')],
    [
      'the lines of a journal without its first',
      Buffer.from(`${JSON.stringify({ key: 'a', entry: idle, revision: 1, by: BY })}\n`),
    ],
    ['a journal of a later release', Buffer.from('{"wavespeed-kling":"journal","version":9}\n')],
  ])('is never written to, nor quoted: %s', async (_, content) => {
    await writeFile(path, content);
    const journal = open();
    const error = await failure(journal.put('a', idle), JournalError);
    await failure(journal.get('a'), JournalError);
    expect(await readFile(path)).toEqual(content);
    expect(error.message).toContain(path);
    expect(`${error.message} ${String(error.cause)}`).not.toMatch(/wsk|fox|owl|second/);
  });
});

describe('the lock', () => {
  const lockOf = (pid: number, startedAt: string, host = hostname()) =>
    `${path}.lock.${pid}.${startedAt}.0123abcd.${host}`;
  const startOf = async (pid: number) => {
    if (!hasProc) return '';
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  };

  test('names the process that has the file, and gives the file free when that has ended', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const pid = child.pid ?? 0;
    await writeFile(lockOf(pid, await startOf(pid)), '');
    const journal = open();
    const error = await failure(journal.put('a', idle), JournalError);
    expect(error.message).toContain(`${path} is in use by process ${pid}; a file journal is for one process`);
    expect(await readdir(directory)).toHaveLength(1);
    child.kill('SIGKILL');
    await ended;
    expect(await journal.put('a', idle)).toBe(1);
    expect(await readdir(directory)).toHaveLength(2);
  });

  test.runIf(hasProc)('is not held by a process that got the id of one that has ended', async () => {
    await writeFile(lockOf(process.ppid, '1'), '');
    expect(await open().put('a', idle)).toBe(1);
  });

  test('says so when another part of this process has the file', async () => {
    await writeFile(lockOf(process.pid, await startOf(process.pid)), '');
    const error = await failure(open().get('a'), JournalError);
    expect(error.message).toContain(`of this process (${process.pid})`);
  });

  test('is left to a process of another host, which cannot be seen from here', async () => {
    await writeFile(lockOf(1, '', 'other-host'), '');
    const error = await failure(open().get('a'), JournalError);
    expect(error.message).toContain('in use by process 1 on host other-host');
    expect(error.message).toContain('delete "journal.jsonl.lock.1..0123abcd.other-host"');
  });

  test('does not take other files for locks', async () => {
    await appendFile(`${path}.lock`, '');
    await appendFile(`${path}.lock.old`, '');
    expect(await open().put('a', idle)).toBe(1);
    expect(await readdir(directory)).toEqual(
      expect.arrayContaining(['journal.jsonl.lock', 'journal.jsonl.lock.old']),
    );
  });
});
