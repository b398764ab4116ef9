/** Collects the body of an upload: a fetch sends a Blob with its length, and a stream without. */

export async function collectBody(body: AsyncIterable<Uint8Array>): Promise<RequestInit> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of body) chunks.push(new Uint8Array(chunk));
  return { body: new Blob(chunks) };
}
