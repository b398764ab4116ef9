/** Downloads a video into memory, for `generateVideo({ download })`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DownloadError, type WaveSpeedKling } from '../index.js';

/** Uses a temporary file, because only a download to a file is resumed. */
export async function downloadToMemory(
  client: WaveSpeedKling,
  url: string | URL,
  signal: AbortSignal | undefined,
): Promise<{ data: Uint8Array; mediaType: string | undefined }> {
  const directory = await mkdtemp(join(tmpdir(), 'wavespeed-kling-'));
  try {
    const [file] = await client.download(url, directory, { signal });
    if (file === undefined)
      throw new DownloadError('incomplete', 'No file was downloaded.', { path: directory });
    return { data: new Uint8Array(await readFile(file.path)), mediaType: file.contentType };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
