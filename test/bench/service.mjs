// Starts server.mjs, the service that the benches call, in a process of its own and over TLS.
// @ts-nocheck: what goes between processes has no types.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { path } from './harness.mjs';
import { quantile } from './quantile.mjs';

const folder = mkdtempSync(join(tmpdir(), 'wavespeed-kling-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];

let isCertified = false;
function certify() {
  if (isCertified) return;
  const command =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${keyFile} -out ${certFile} ` +
    '-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost';
  execFileSync('openssl', command.split(' '), { stdio: 'ignore' });
  isCertified = true;
}

/** Starts a service whose tasks take between `least` and `most` milliseconds. `env` lets a client trust it. */
export async function startService([least, most]) {
  certify();
  const child = fork(path('server.mjs'), [least, most, keyFile, certFile].map(String));
  const [url] = await once(child, 'message');
  return {
    url,
    env: { NODE_EXTRA_CA_CERTS: certFile },
    /** Ends it, and returns the polls that it counted, and by id when each task ended. */
    async stop() {
      child.send('report');
      const [{ polls, ended }] = await once(child, 'message');
      child.kill();
      return { polls, endedAt: new Map(ended) };
    },
  };
}

/** Median and 95 % of the times from the ends of tasks until a client noticed them. */
export function lagsOf(noticed, endedAt) {
  const lags = noticed.map(([id, at]) => at - endedAt.get(id));
  return { lagMs: quantile(lags, 0.5), lag95Ms: quantile(lags, 0.95) };
}
