// The short form of the chaos test: real worker processes, killed and frozen at random. `npm run chaos:bullmq` runs the long one.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { hasRedis } from '../bullmq/redis-server.mjs';

describe.skipIf(!hasRedis())('workers that are killed and frozen at random', () => {
  test('complete every job, and pay for no task twice', async () => {
    const script = fileURLToPath(new URL('bullmq.mjs', import.meta.url));
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [
      script,
      '--jobs',
      '20',
      '--workers',
      '2',
      '--timeout',
      '280',
    ]);
    expect(stdout).toMatch(/^20 jobs, 20 done, 20 tasks paid for/m);
    expect(stdout).toMatch(/^5 passed, 0 failed$/m);
  }, 300_000);
});
