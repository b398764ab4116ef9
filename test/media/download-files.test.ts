// Existing files and failing disks.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DownloadError } from 'wavespeed-kling';
import { client, failure, fileServer, movie, serve, sha, task, temporaryDirectory } from './support.js';

/** Faults of the file system; node:fs itself otherwise. */
const disk = vi.hoisted(() => ({
  write: undefined as undefined | ((position: number) => void),
  link: undefined as undefined | (() => void),
}));

vi.mock(import('node:fs/promises'), async (original) => {
  const real = await original();
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args);
      const writev = handle.writev.bind(handle);
      return Object.assign(handle, {
        writev: async (buffers: readonly NodeJS.ArrayBufferView[], position?: number) => {
          disk.write?.(position ?? 0);
          return writev(buffers, position);
        },
      });
    },
    link: async (...args: Parameters<typeof real.link>) => {
      disk.link?.();
      return real.link(...args);
    },
  };
});

beforeEach(() => {
  disk.write = undefined;
  disk.link = undefined;
});

const errno = (code: string) => Object.assign(new Error(code), { code });

describe('an existing file', () => {
  it.each(['mp4', 'mov', 'jpg'])('rejects with reason exists before any request: .%s', async (ending) => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    const path = join(directory, `task-1-1.${ending}`);
    writeFileSync(path, 'precious');
    const error = await failure(client().download(task([`${server.url}/a.mp4`]), directory));
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ reason: 'exists', path, predictionId: 'task-1' });
    expect(error.message).toContain("ifExists: 'overwrite'");
    expect(server.requests).toHaveLength(0);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('rejects for a dangling link, and ignores files of other types', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    symlinkSync('/nowhere/at/all', join(directory, 'a.mp4'));
    expect(await failure(client().download(`${server.url}/a.mp4`, directory))).toMatchObject({
      reason: 'exists',
    });
    writeFileSync(join(directory, 'b.json'), '{}');
    await client().download(`${server.url}/b.mp4`, directory);
    expect(readdirSync(directory).sort()).toEqual(['a.mp4', 'b.json', 'b.mp4']);
  });

  it('replaces a file with overwrite only when the new one is complete', async () => {
    const bytes = movie(1000);
    const directory = temporaryDirectory();
    const path = join(directory, 'a.mp4');
    writeFileSync(path, 'old');
    const broken = await fileServer(bytes, { cutAfter: () => 500 });
    const kling = client({ maxRetries: 0 });
    await failure(kling.download(`${broken.url}/a.mp4`, directory, { ifExists: 'overwrite' }));
    expect(readFileSync(path, 'utf8')).toBe('old');
    const complete = await fileServer(bytes);
    await kling.download(`${complete.url}/a.mp4`, directory, { ifExists: 'overwrite' });
    expect(sha(readFileSync(path))).toBe(sha(bytes));
    expect(readdirSync(directory)).toEqual(['a.mp4']);
  });

  it.each([undefined, 'EPERM'])(
    'does not replace a file that was created during the download (links: %s)',
    async (code) => {
      if (code !== undefined) {
        disk.link = () => {
          throw errno(code);
        };
      }
      const directory = temporaryDirectory();
      const path = join(directory, 'a.mp4');
      const server = await serve((_taken, response) => {
        response.writeHead(200, { 'content-type': 'video/mp4' });
        response.write(movie(1000));
        setTimeout(() => {
          writeFileSync(path, 'precious');
          response.end();
        }, 30);
      });
      const error = await failure(client().download(`${server.url}/a.mp4`, directory));
      expect(error).toMatchObject({ name: 'DownloadError', reason: 'exists', path });
      expect(readFileSync(path, 'utf8')).toBe('precious');
      expect(readdirSync(directory)).toEqual(['a.mp4']);
    },
  );

  it('an existing file is returned with keep, without a request', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    const path = join(directory, 'task-1-1.mp4');
    writeFileSync(path, 'kept');
    const source = task([`${server.url}/a.mp4`]);
    expect(await client().download(source, directory, { ifExists: 'keep' })).toEqual([
      { path, url: `${server.url}/a.mp4`, bytes: 4, contentType: undefined },
    ]);
    expect(server.requests).toHaveLength(0);
    expect(readFileSync(path, 'utf8')).toBe('kept');
  });

  it('an existing file is kept beside outputs that are missing, which are downloaded', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'task-1-1.mp4'), 'kept');
    const source = task([`${server.url}/a.mp4`, `${server.url}/b.mp4`]);
    const files = await client().download(source, directory, { ifExists: 'keep' });
    expect(files.map(({ bytes }) => bytes)).toEqual([4, 1000]);
    expect(server.requests.map(({ path }) => path)).toEqual(['/b.mp4']);
    expect(readdirSync(directory).sort()).toEqual(['task-1-1.mp4', 'task-1-2.mp4']);
  });

  it.each(['directory', 'dangling link'])(
    'an existing file is not kept if it is a %s: reason exists',
    async (kind) => {
      const server = await fileServer(movie(1000));
      const directory = temporaryDirectory();
      const path = join(directory, 'task-1-1.mp4');
      if (kind === 'directory') mkdirSync(path);
      else symlinkSync('/nowhere/at/all', path);
      const error = await failure(
        client().download(task([`${server.url}/a.mp4`]), directory, { ifExists: 'keep' }),
      );
      expect(error).toMatchObject({ reason: 'exists', path });
      expect(server.requests).toHaveLength(0);
    },
  );

  it('completes one of two concurrent downloads of the same file, and both with overwrite or keep', async () => {
    const bytes = movie(2_000_000);
    const server = await fileServer(bytes);
    for (const ifExists of ['error', 'overwrite', 'keep'] as const) {
      const directory = temporaryDirectory();
      const kling = client();
      const both = await Promise.allSettled(
        [1, 2].map(() => kling.download(`${server.url}/a.mp4`, directory, { ifExists })),
      );
      const refused = both.filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(ifExists === 'error' ? 1 : 0);
      for (const each of refused) expect(each).toMatchObject({ reason: { reason: 'exists' } });
      expect(readdirSync(directory)).toEqual(['a.mp4']);
      expect(sha(readFileSync(join(directory, 'a.mp4')))).toBe(sha(bytes));
    }
  });

  it('publishes a file where the file system has no hard links', async () => {
    disk.link = () => {
      throw errno('ENOTSUP');
    };
    const bytes = movie(1000);
    const server = await fileServer(bytes);
    const directory = temporaryDirectory();
    await client().download(`${server.url}/a.mp4`, directory);
    expect(readdirSync(directory)).toEqual(['a.mp4']);
    expect(sha(readFileSync(join(directory, 'a.mp4')))).toBe(sha(bytes));
  });
});

describe('a failing disk', () => {
  it.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EIO', 'write_failed'],
  ])('that fails with %s is reason %s, without a retry, and leaves no file', async (code, reason) => {
    disk.write = (position) => {
      if (position > 0) throw errno(code);
    };
    const server = await fileServer(movie(5_000_000));
    const directory = temporaryDirectory();
    const error = await failure(client().download(task([`${server.url}/a.mp4`]), directory));
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ reason, predictionId: 'task-1', path: join(directory, 'task-1-1.mp4') });
    expect(error.message).toContain(code);
    expect(readdirSync(directory)).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('rejects with reason write_failed before any request when the directory cannot be created', async () => {
    const server = await fileServer(movie(1000));
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, '');
    for (const directory of [path, join(path, 'below')]) {
      const error = await failure(client().download(`${server.url}/a.mp4`, directory));
      expect(error).toMatchObject({ name: 'DownloadError', reason: 'write_failed', path: directory });
    }
    expect(server.requests).toHaveLength(0);
  });

  it('rejects when a directory has the name of the file', async () => {
    const server = await fileServer(movie(1000));
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'a.mp4'));
    for (const [ifExists, reason] of [
      ['error', 'exists'],
      ['overwrite', 'write_failed'],
    ] as const) {
      const error = await failure(client().download(`${server.url}/a.mp4`, directory, { ifExists }));
      expect(error).toMatchObject({ name: 'DownloadError', reason });
    }
    expect(readdirSync(directory)).toEqual(['a.mp4']);
  });
});
