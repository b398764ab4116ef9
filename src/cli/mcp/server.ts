/** The MCP server: tools on stdio, results as structured content and as the same JSON in text. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type ServerNotification,
} from '@modelcontextprotocol/sdk/types.js';
import type * as z from 'zod';
import { VERSION } from '../../core/version.js';
import { Refusal, refusalText } from './refusal.js';
import { ARGUMENTS, INSTRUCTIONS, makeTools, type ToolName } from './tools.js';
import type { Videos } from './videos.js';

const PROGRESS_MS = 5000;

/** What a call has beside its arguments. */
interface CallContext {
  signal: AbortSignal;
  progressToken: string | number | undefined;
  sendNotification: (notification: ServerNotification) => Promise<void>;
}

const isToolName = (name: string): name is ToolName => Object.hasOwn(ARGUMENTS, name);

/** Serves until the client closes stdin, or the signal aborts. */
export async function serve(videos: Videos, signal: AbortSignal): Promise<void> {
  const server = new Server(
    { name: 'wavespeed-kling', title: 'WaveSpeed Kling', version: VERSION },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: makeTools() }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<CallToolResult> => {
    const { signal: cancelled, sendNotification } = extra;
    const context = { signal: cancelled, sendNotification, progressToken: params._meta?.progressToken };
    try {
      const result = await call(videos, params.name, params.arguments ?? {}, context);
      return { content: [{ type: 'text', text: JSON.stringify(result) }], structuredContent: { ...result } };
    } catch (error) {
      return { content: [{ type: 'text', text: refusalText(error) }], isError: true };
    }
  });
  const closed = new Promise<void>((resolve) => {
    server.onclose = resolve;
    // The transport does not notice that a client has gone.
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.connect(new StdioServerTransport());
  await closed;
  await server.close();
}

async function call(videos: Videos, name: string, given: unknown, context: CallContext): Promise<object> {
  if (!isToolName(name)) {
    throw new Refusal(
      `There is no tool ${JSON.stringify(name)}; the tools are ${Object.keys(ARGUMENTS).join(', ')}.`,
    );
  }
  switch (name) {
    case 'list_models':
      read('list_models', given);
      return videos.listModels();
    case 'price_video': {
      const { model, input } = read('price_video', given);
      return videos.price(model, input);
    }
    case 'start_video':
      return videos.start(read('start_video', given));
    case 'check_video': {
      const { id, wait_seconds } = read('check_video', given);
      return withProgress(context, wait_seconds, (onStatus) =>
        videos.check(id, wait_seconds, context.signal, onStatus),
      );
    }
    case 'download_video':
      return videos.download(read('download_video', given).id, context.signal);
    case 'list_videos':
      read('list_videos', given);
      return videos.list(context.signal);
  }
}

function read<Name extends ToolName>(name: Name, given: unknown): z.output<(typeof ARGUMENTS)[Name]> {
  const result = ARGUMENTS[name].safeParse(given);
  if (result.success) return result.data as z.output<(typeof ARGUMENTS)[Name]>;
  const problems = result.error.issues.map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  throw new Refusal(
    `Invalid arguments of ${name}: ${problems.join('; ')}. Correct them and call again; nothing was started.`,
  );
}

/** Reports the status and the seconds, so that the client does not give up. */
async function withProgress<T>(
  { progressToken, sendNotification }: CallContext,
  total: number,
  work: (onStatus: (status: string) => void) => Promise<T>,
): Promise<T> {
  if (progressToken === undefined) return work(() => {});
  const startedAt = performance.now();
  let status = 'waiting';
  const report = () => {
    const progress = Math.min(total, (performance.now() - startedAt) / 1000);
    const params = { progressToken, progress, total, message: status };
    sendNotification({ method: 'notifications/progress', params }).catch(() => {});
  };
  const timer = setInterval(report, PROGRESS_MS);
  try {
    return await work((next) => {
      status = next;
      report();
    });
  } finally {
    clearInterval(timer);
  }
}
