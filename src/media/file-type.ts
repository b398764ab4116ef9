/** Detects a file's type by its content, and names the extension of a type. */
import { FILE_TYPES, type FileType, findSizeProblem, judgeType } from '../models/file-rules.js';
import type { MediaKind } from '../models/media.js';
import { detectSignature } from '../models/file-signature.js';
import { type RandomAccess, readHeader, refineByStreams } from '../models/streams.js';

export type { FileType, RandomAccess };

interface DetectedType {
  mime: string;
  ext: string;
}

export async function detectFileType(file: RandomAccess): Promise<DetectedType | undefined> {
  // Loaded lazily.
  const { fileTypeFromBlob } = await import('file-type/core');
  let readError: { error: unknown } | undefined;
  // As a Blob, the library can read the end of a file without reading the middle.
  const blob = {
    size: file.size,
    type: '',
    slice: (start: number, end: number) => ({
      arrayBuffer: async () => {
        try {
          return Uint8Array.from(await file.read(start, end)).buffer;
        } catch (error) {
          readError = { error };
          throw error;
        }
      },
    }),
  };
  let detected: DetectedType | undefined;
  try {
    detected = await fileTypeFromBlob(blob as unknown as Blob);
  } catch {
    // A parse error means that the type is not recognized; a read error does not.
    if (readError !== undefined) throw readError.error;
    return undefined;
  }
  if (detected === undefined) return undefined;
  // For the library, two letters at the beginning of a text are enough.
  if (detected.mime === 'image/bmp' && detectSignature(await readHeader(file)) !== 'image/bmp')
    return undefined;
  const mime = await refineByStreams(detected.mime, file);
  return mime === detected.mime
    ? detected
    : { mime, ext: FILE_TYPES.get(mime)?.extensions[0] ?? detected.ext };
}

/** Returns the type of a file, or the problem as the rest of a sentence that starts with the file's name. */
export async function validateFile(
  file: RandomAccess,
  kinds: readonly MediaKind[],
): Promise<{ type: FileType } | { problem: string }> {
  const problem = findSizeProblem(file.size, kinds);
  if (problem !== undefined) return { problem };
  const detected = await detectFileType(file);
  return judgeType(detected?.mime, file.size, kinds);
}

const OTHER_CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['application/mp4', 'mp4'],
  ['video/avi', 'avi'],
  ['video/msvideo', 'avi'],
  ['video/x-mkv', 'mkv'],
  ['image/jpg', 'jpg'],
]);

export function extensionFor(contentType: string | undefined): string | undefined {
  const mime = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const type = [...FILE_TYPES.values()].find((each) => each.contentType === mime) ?? FILE_TYPES.get(mime);
  return type?.extensions[0] ?? OTHER_CONTENT_TYPES.get(mime);
}

export const MEDIA_EXTENSIONS: ReadonlySet<string> = new Set(
  [...FILE_TYPES.values()].flatMap((type) => type.extensions),
);
