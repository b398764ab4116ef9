/** The benches still run: each contender once, with tiny sizes. Nothing is timed. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { hasRedis } from '../bullmq/redis-server.mjs';
import { hasPostgres } from '../sql/postgres-server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const benches = readdirSync(`${root}/test/bench/benches`).map((file) => file.replace('.mjs', ''));

// They measure the build, and count memory as Linux does.
const canRun =
  process.platform === 'linux' && existsSync(`${root}/dist/index.js`) && hasRedis() && hasPostgres();

describe.skipIf(!canRun)('npm run bench -- --tiny', () => {
  test.concurrent.each(benches)(
    '%s',
    async (bench) => {
      const args = ['test/bench/run.mjs', '--tiny', bench];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
      const rows = stdout.split('\n').filter((line) => line.startsWith(`| ${bench} |`));
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.join('\n')).not.toContain('NaN');
    },
    300_000,
  );
});
