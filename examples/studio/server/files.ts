/** Reference files that the page sends: checked by their declared size before they are read, streamed to disk. */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FILE_LIMITS, fileProblem, HISTORY_DAYS, kindOf } from '../shared/limits.js';

/** A file that is not taken, and the HTTP status that says so. */
export class FileRejected extends Error {
  constructor(
    message: string,
    readonly status: 400 | 411 | 413,
  ) {
    super(message);
  }
}

export class ReferenceFiles {
  private constructor(readonly directory: string) {}

  static async open(directory: string): Promise<ReferenceFiles> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const oldest = Date.now() - HISTORY_DAYS * 24 * 60 * 60 * 1000;
    for (const name of await readdir(directory)) {
      const file = join(directory, name);
      if ((await stat(file)).mtimeMs < oldest) await rm(file, { force: true });
    }
    return new ReferenceFiles(directory);
  }

  /** Returns the path of a file by its id. */
  path(id: string): string {
    return join(this.directory, id);
  }

  async has(id: string): Promise<boolean> {
    if (!/^[0-9a-f]{8}-[\w.-]+$/.test(id)) return false;
    return stat(this.path(id)).then(
      () => true,
      () => false,
    );
  }

  /** Stores a file and returns its id. */
  async save(name: string, declaredLength: string | undefined, body: ReadableStream | null): Promise<string> {
    const size = Number(declaredLength ?? Number.NaN);
    if (!Number.isSafeInteger(size) || body === null) throw new FileRejected('The file has no length.', 411);
    const kind = kindOf(name);
    const problem = fileProblem(name, size, kind ?? 'image');
    if (kind === undefined || problem !== undefined) {
      const isLarge = kind !== undefined && size > FILE_LIMITS[kind].maxBytes;
      throw new FileRejected(problem ?? name, isLarge ? 413 : 400);
    }
    const id = `${randomBytes(4).toString('hex')}-${name.replace(/[^\w.-]/g, '_').slice(-60)}`;
    const unfinished = `${this.path(id)}.part`;
    try {
      await pipeline(
        Readable.fromWeb(body as never),
        exactly(size),
        createWriteStream(unfinished, { mode: 0o600 }),
      );
      await rename(unfinished, this.path(id));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
    return id;
  }
}

/** Ends the stream with an error at the first byte too many, or where some are missing. */
function exactly(size: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen += chunk.byteLength;
      if (seen > size) done(new FileRejected('The file is longer than was declared.', 413));
      else done(null, chunk);
    },
    flush(done) {
      done(seen === size ? null : new FileRejected('The file is shorter than was declared.', 400));
    },
  });
}
