/** Downloads a video into memory on an edge runtime, for `generateVideo({ download })`. */
import { DownloadError, type WaveSpeedKling } from '../index.js';

const ATTEMPTS = 3;

export async function downloadToMemory(
  _client: WaveSpeedKling,
  url: string | URL,
  signal: AbortSignal | undefined,
): Promise<{ data: Uint8Array; mediaType: string | undefined }> {
  const { host } = new URL(url);
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      const response = await fetch(url, signal === undefined ? {} : { signal });
      if (!response.ok) throw new Error(`the server responded ${response.status}`);
      // A body that is shorter than its Content-Length rejects here.
      const data = new Uint8Array(await response.arrayBuffer());
      return { data, mediaType: response.headers.get('content-type') ?? undefined };
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason;
      if (attempt < ATTEMPTS) continue;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new DownloadError('incomplete', `The video on ${host} could not be downloaded: ${reason}.`, {
        path: '',
        cause,
      });
    }
  }
}
