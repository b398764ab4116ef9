/** Reads a part of a Blob, also of one that cannot read itself. */

/** The part of the DOM's class that is used. */
interface Reader {
  result: unknown;
  error: unknown;
  onload: () => void;
  onerror: () => void;
  readAsArrayBuffer(blob: Blob): void;
}

/** @throws what the Blob rejects with, or an `Error` that says why it cannot be read. */
export async function readBlob(blob: Blob, start: number, end: number): Promise<Uint8Array> {
  const part = blob.slice(start, end);
  if (typeof part.arrayBuffer === 'function') return new Uint8Array(await part.arrayBuffer());
  // A Blob of jsdom has no methods to read it, and only the FileReader of its own window takes it.
  const { FileReader } = globalThis as unknown as { FileReader?: new () => Reader };
  if (FileReader === undefined) {
    throw new Error(
      'it has no arrayBuffer(), like a File of jsdom; pass a Blob or File of Node, or make `FileReader` of its window global',
    );
  }
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(new Uint8Array(reader.result as ArrayBuffer));
    reader.onerror = () => reject(reader.error as Error);
    reader.readAsArrayBuffer(part);
  });
}
