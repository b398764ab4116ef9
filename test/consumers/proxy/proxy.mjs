// A forward proxy: plain requests and CONNECT tunnels, counted.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

/** Starts a proxy that sends every host to the one of `target`. */
export async function startProxy(target) {
  const { hostname, port } = new URL(target);
  const proxy = { count: 0, url: '', close: () => server.close().closeAllConnections() };
  const server = createServer((incoming, response) => {
    proxy.count += 1;
    const { pathname, search } = new URL(incoming.url, target);
    const { method, headers } = incoming;
    const outgoing = request({ hostname, port, path: pathname + search, method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(outgoing);
  });
  server.on('connect', (_request, socket) => {
    proxy.count += 1;
    const upstream = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  return proxy;
}
