/** A TCP port of this machine that nothing listens on. */
import { createServer } from 'node:net';

/** @returns {Promise<number>} */
export async function getFreePort() {
  const server = createServer();
  await /** @type {Promise<void>} */ (new Promise((resolve) => server.listen(0, '127.0.0.1', resolve)));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
