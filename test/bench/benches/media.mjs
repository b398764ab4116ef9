// Uploads and downloads of 100 MB: throughput, CPU, and memory. Linux alone counts the memory.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, path, runNode } from '../harness.mjs';

const MB = 1024 ** 2;

/** @param {number} size A file that begins as an MP4 does. */
const makeVideo = (size) =>
  Buffer.concat([Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isommp42', 'latin1'), Buffer.alloc(size - 24, 1)]);

/** @type {import('../harness.mjs').Bench} */
export async function bench({ turns, isTiny }) {
  const size = isTiny ? MB : 100 * MB;
  const directory = await mkdtemp(join(tmpdir(), 'media-bench-'));
  const server = fork(path('media-server.mjs'));
  try {
    const [origin] = await once(server, 'message');
    await writeFile(join(directory, 'small.mp4'), makeVideo(1024));
    await writeFile(join(directory, 'large.mp4'), makeVideo(size));
    /** @type {(client: string, direction: string) => () => ReturnType<typeof runNode>} */
    const transfer = (client, direction) => () =>
      runNode([path('media-client.mjs'), client, direction, String(origin), directory, String(size)]);
    const up = await compare(
      {
        ours: transfer('wavespeed-kling', 'up'),
        official: transfer('wavespeed', 'up'),
        bare: transfer('undici', 'up'),
      },
      turns,
    );
    const down = await compare(
      { ours: transfer('wavespeed-kling', 'down'), bare: transfer('undici', 'down') },
      turns,
    );
    const perSecond = (/** @type {import('../harness.mjs').Counts} */ { ms }) => 100_000 / ms;
    return [
      {
        name: '100 MB up: throughput',
        ours: perSecond(up.ours),
        baseline: perSecond(up.bare),
        against: 'bare undici',
        unit: 'MB/s',
        moreIsBetter: true,
      },
      {
        name: '… memory',
        ours: up.ours.extraMb,
        baseline: up.official.extraMb,
        against: 'official client',
        unit: 'MB',
      },
      {
        name: '100 MB down: throughput',
        ours: perSecond(down.ours),
        baseline: perSecond(down.bare),
        against: 'bare undici',
        unit: 'MB/s',
        moreIsBetter: true,
      },
      {
        name: '… memory',
        ours: down.ours.extraMb,
        baseline: down.bare.extraMb,
        against: 'bare undici',
        unit: 'MB',
      },
    ];
  } finally {
    server.kill();
    await rm(directory, { recursive: true });
  }
}
