/** Checks a file in the browser, before it is sent anywhere. */
import { InvalidInputError } from '../core/errors/input-error.js';
import { readBlob } from '../utils/read-blob.js';
import { findSizeProblem, judgeType } from './file-rules.js';
import { isBlob, type MediaKind } from './media.js';
import { detectSignature } from './file-signature.js';
import { readHeader, refineByStreams } from './streams.js';

/** Result of `checkFile`. */
export interface CheckedFile {
  /** The MIME type, by the content of the file and not by its name. */
  type: string;
  /** Size in bytes. */
  size: number;
}

const KINDS: readonly unknown[] = ['image', 'video', 'audio'] satisfies MediaKind[];

/**
 * Checks that the service accepts a file as an image, a video or audio: by its size and by its content, of which it reads only
 * what it needs. The client checks the same before it uploads a file.
 *
 * @throws {InvalidInputError} for a file that is empty, too large, of another type, or cannot be read.
 * @example
 * const { type, size } = await checkFile(input.files[0], 'image'); // { type: 'image/png', size: 48_213 }
 */
export async function checkFile(file: Blob, kind: MediaKind): Promise<CheckedFile> {
  if (!KINDS.includes(kind)) {
    throw invalid('kind', `got ${JSON.stringify(kind) ?? typeof kind}; expected 'image', 'video' or 'audio'`);
  }
  if (!isBlob(file)) {
    throw invalid('file', `got ${file === null ? 'null' : typeof file}; expected a File or a Blob`);
  }
  const { name } = file as Blob & { name?: unknown };
  const label = typeof name === 'string' && name !== '' ? JSON.stringify(name) : 'the Blob';
  const { size } = file;
  const problem = findSizeProblem(size, [kind]);
  if (problem !== undefined) throw invalid('file', `${label} ${problem}`);
  const access = { size, read: (start: number, end: number) => readBlob(file, start, end) };
  let mime;
  try {
    const signature = detectSignature(await readHeader(access));
    mime = signature === undefined ? undefined : await refineByStreams(signature, access);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalid('file', `${label} cannot be read: ${why}`, cause);
  }
  const judged = judgeType(mime, size, [kind]);
  if ('problem' in judged) throw invalid('file', `${label} ${judged.problem}`);
  return { type: judged.type.contentType, size };
}

function invalid(field: string, problem: string, cause?: unknown): InvalidInputError {
  const issues = [{ path: [field], message: `${field}: ${problem}` }];
  return new InvalidInputError('checkFile', issues, cause === undefined ? undefined : { cause });
}
