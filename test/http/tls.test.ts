// Connections over TLS: they resume sessions.
import { constants } from 'node:crypto';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { KLING_O3_STD } from 'wavespeed-kling';
import { task } from '../support/client.js';
import { client, INPUT, onCleanup } from '../support/server.js';

// For this test alone: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
//   -subj /CN=localhost -addext subjectAltName=DNS:localhost
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaGMI/wimUuL5VvWD
ia2t8fnx7wE2FvDRCnnAVae5+QmhRANCAATnkcsihvVFulE+xGGeKhvGpq+dMWEN
GVr7Z4IH/ZgUfDVWXnrjGARMMMCUqpc1K6XTavbtu38oBYk/HV9j9CEV
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBlDCCATqgAwIBAgITWxo1m/cMOyajGIa6wX3CHFf2kjAKBggqhkjOPQQDAjAU
MRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcNMjYxMTIxMTcyMTQ5WhgPMjEyNjEwMjgx
NzIxNDlaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABOeRyyKG9UW6UT7EYZ4qG8amr50xYQ0ZWvtnggf9mBR8NVZeeuMYBEww
wJSqlzUrpdNq9u27fygFiT8dX2P0IRWjaTBnMB0GA1UdDgQWBBSEp2gG1lRuBXK6
qLiYn1q7JHJxajAfBgNVHSMEGDAWgBSEp2gG1lRuBXK6qLiYn1q7JHJxajAPBgNV
HRMBAf8EBTADAQH/MBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAKBggqhkjOPQQDAgNI
ADBFAiEAqP23LZ5F2UvJmIx4mlbCHSqH13lAwI7HIKtszxgBijACIH1NIBlpEmPp
x0zl+IGK1PNKGq4qnfyZ4hhoE++vXHOC
-----END CERTIFICATE-----`;

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

async function serveTls(options: ServerOptions = {}) {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  const resumed: boolean[] = [];
  let submits = 0;
  const server = createServer({ key, cert, ...options }, (request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      // Each submit needs a connection of its own.
      response.setHeader('connection', 'close');
      response.end(JSON.stringify({ code: 200, data: task({ id: `task-${++submits}` }) }));
    });
  });
  server.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  const kling = client(`https://localhost:${port}`, { maxRetries: 1 });
  onCleanup(() => server.close());
  return { server, kling, resumed, submits: () => submits };
}

test('new connections resume the TLS session of an earlier one, also after a garbage collection', async () => {
  const { kling, resumed } = await serveTls();
  await kling.submit(KLING_O3_STD, INPUT);
  // Weak references last until the end of a turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  await Promise.all([kling.submit(KLING_O3_STD, INPUT), kling.submit(KLING_O3_STD, INPUT)]);
  expect(resumed).toEqual([false, true, true]);
});

test('a session that the server cannot resume is not offered again', async () => {
  const { server, kling, submits } = await serveTls({
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  let rejected = 0;
  const known = new Set<string>();
  server.on('newSession', (id, _data, done: () => void) => {
    known.add(id.toString('hex'));
    done();
  });
  server.on('resumeSession', (id, done) => {
    // Clients that also speak TLS 1.3 send an id in any case.
    if (!known.has(id.toString('hex'))) return done(null, null);
    rejected++;
    done(new Error('the session store is down'), null);
  });
  await kling.submit(KLING_O3_STD, INPUT);
  await kling.submit(KLING_O3_STD, INPUT);
  expect([rejected, submits()]).toEqual([1, 2]);
});
