/** Uploads local files and shows the progress. */
import { basename } from 'node:path';
import type { WaveSpeedKling } from '../index.js';
import { interrupted } from './interrupt.js';
import type { Row } from './progress.js';

/** The client caches the URLs: a later submit does not upload the files again. */
export async function uploadFiles(kling: WaveSpeedKling, files: readonly URL[], row: Row): Promise<string[]> {
  const urls: string[] = [];
  for (const file of files) {
    const status = `uploading ${decodeURIComponent(basename(file.pathname))}`;
    row.update(status);
    const onProgress = ({ loaded, total }: { loaded: number; total: number }) =>
      row.transfer(status, loaded, total);
    urls.push(await kling.upload(file, { signal: interrupted, onProgress }));
  }
  return urls;
}
