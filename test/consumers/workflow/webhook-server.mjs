// The route of a workflow's webhooks.
import { createServer } from 'node:http';
import { resumeWebhook } from 'workflow/api';

/** Starts the server, whose URL the workflow's local world gives to the service. */
export async function startWebhookServer(wanted = 0) {
  const server = createServer((request, response) => void resume(request, response));
  await new Promise((resolve) => server.listen(wanted, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.env.WORKFLOW_LOCAL_BASE_URL = `http://127.0.0.1:${port}`;
  return server;
}

async function resume(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const token = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
  const init = { method: 'POST', body: Buffer.concat(chunks) };
  try {
    response.statusCode = (await resumeWebhook(token, new Request(url, init))).status;
  } catch {
    response.statusCode = 503;
  }
  response.end();
}
