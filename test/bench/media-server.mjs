// The two endpoints of an upload, and a file of any size to download. Usage: media-server.mjs
// @ts-nocheck: what goes between processes has no types.
import { createServer } from 'node:http';

const piece = Buffer.alloc(256 * 1024, 7);
const server = createServer((request, response) => {
  const base = `http://127.0.0.1:${server.address().port}`;
  let received = 0;
  request.on('data', (chunk) => (received += chunk.byteLength));
  request.on('end', () => {
    if (request.method === 'POST') {
      const upload = { method: 'PUT', url: `${base}/put`, headers: { 'content-type': 'video/mp4' } };
      const data = { download_url: `${base}/file.mp4`, upload };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ code: 200, message: 'success', data }));
    } else if (request.method === 'PUT') {
      response.statusCode = received === Number(request.headers['content-length']) ? 200 : 400;
      response.end();
    } else send(response, Number(new URL(request.url, base).searchParams.get('size')));
  });
});
server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`));

function send(response, size) {
  response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': size, etag: '"1"' });
  let left = size;
  const write = () => {
    while (left > 0) {
      const part = left < piece.byteLength ? piece.subarray(0, left) : piece;
      left -= part.byteLength;
      if (!response.write(part)) return void response.once('drain', write);
    }
    response.end();
  };
  write();
}
