/** Detects a file's type as `checkFile` does: the library that reads more formats would be a fifth of an edge build. */
import { judgeType, findSizeProblem, type FileType } from '../models/file-rules.js';
import type { MediaKind } from '../models/media.js';
import { detectSignature } from '../models/file-signature.js';
import { type RandomAccess, readHeader, refineByStreams } from '../models/streams.js';

export async function validateFile(
  file: RandomAccess,
  kinds: readonly MediaKind[],
): Promise<{ type: FileType } | { problem: string }> {
  const problem = findSizeProblem(file.size, kinds);
  if (problem !== undefined) return { problem };
  const signature = detectSignature(await readHeader(file));
  const mime = signature === undefined ? undefined : await refineByStreams(signature, file);
  return judgeType(mime, file.size, kinds);
}
