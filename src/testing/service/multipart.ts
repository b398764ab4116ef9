/** A streaming parser of multipart/form-data that buffers no more than a boundary. */

export interface PartHeader {
  name: string;
  filename: string | undefined;
  contentType: string | undefined;
}

export class MultipartError extends Error {
  override name = 'MultipartError';
}

const LINE_END = Buffer.from('\r\n');
const HEADERS_END = Buffer.from('\r\n\r\n');
const MAX_HEADER_BYTES = 16_384;

export function boundaryOf(contentType: string): string | undefined {
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

function parseHeader(text: string): PartHeader {
  const disposition = /^content-disposition:(.*)$/im.exec(text)?.[1] ?? '';
  const field = (key: string) =>
    new RegExp(`[;\\s]${key}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(disposition)?.[1]?.replaceAll('%22', '"');
  const filename = field('filename');
  return {
    name: field('name') ?? '',
    // Headers are read as latin1, names are sent as UTF-8.
    filename: filename === undefined ? undefined : Buffer.from(filename, 'latin1').toString('utf8'),
    contentType: /^content-type:\s*(.*?)\s*$/im.exec(text)?.[1],
  };
}

/** Passes each part's chunks to the function that `onPart` returned for it. */
export async function readMultipart(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
  onPart: (header: PartHeader) => (chunk: Uint8Array) => void,
): Promise<void> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // With a line end before it, the first boundary looks like any other.
  let held: Buffer = LINE_END;
  let state = 'content' as 'content' | 'delimiter' | 'header' | 'done';
  let sink: (chunk: Uint8Array) => void = () => {};

  const step = (): boolean => {
    if (state === 'content') {
      const at = held.indexOf(delimiter);
      const ready = at >= 0 ? at : Math.max(0, held.byteLength - delimiter.byteLength);
      if (ready > 0) sink(held.subarray(0, ready));
      held = held.subarray(at >= 0 ? at + delimiter.byteLength : ready);
      if (at < 0) return false;
      state = 'delimiter';
    }
    if (state === 'delimiter') {
      if (held.byteLength < 2) return false;
      state = held.subarray(0, 2).equals(LINE_END) ? 'header' : 'done';
    }
    if (state === 'header') {
      const end = held.indexOf(HEADERS_END);
      if (end < 0) {
        if (held.byteLength > MAX_HEADER_BYTES) throw new MultipartError('a part has no end of headers');
        return false;
      }
      sink = onPart(parseHeader(held.toString('latin1', 0, end)));
      held = held.subarray(end + HEADERS_END.byteLength);
      state = 'content';
      return true;
    }
    return false;
  };

  for await (const chunk of body) {
    if (state === 'done') continue;
    held =
      held.byteLength === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : Buffer.concat([held, chunk]);
    while (step());
  }
  if (state !== 'done') throw new MultipartError('the body ends before its last boundary');
}
