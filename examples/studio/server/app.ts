/** The studio's routes. */
import { serveStatic } from '@hono/node-server/serve-static';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import {
  BudgetExceededError,
  IdempotencyConflictError,
  InvalidInputError,
  type WaveSpeedKling,
} from 'wavespeed-kling';
import type { Emulator } from 'wavespeed-kling/testing';
import * as z from 'zod';
import type { MakeRequest, SessionView } from '../shared/types.js';
import type { Budget } from './budget.js';
import { REHEARSALS, rehearse } from './emulator.js';
import type { Events } from './events.js';
import { FileRejected, type ReferenceFiles } from './files.js';
import { onlyOwnPage, strictHeaders } from './guard.js';
import type { History } from './history.js';
import { toProblem } from './problems.js';
import type { Settings } from './settings.js';
import type { StudioTask, TaskStore } from './store.js';
import type { Tasks } from './tasks.js';
import { serveVideo } from './videos.js';
import type { Views } from './views.js';
import type { Webhooks } from './webhooks.js';

export interface AppParts {
  kling: WaveSpeedKling;
  settings: Settings;
  host: string;
  emulator: Emulator | undefined;
  store: TaskStore;
  files: ReferenceFiles;
  budget: Budget;
  tasks: Tasks;
  history: History;
  events: Events;
  views: Views;
  webhooks: Webhooks;
  videoDirectory: string;
  pageDirectory: string;
}

/** Shape of what the page sends; the fields of the request itself are checked with the model's schema. */
const reference = z.union([
  z.strictObject({ file: z.string().max(100), name: z.string().max(255) }),
  z.strictObject({ url: z.string().max(2048) }),
]);
const makeRequest = z.strictObject({
  key: z.string().regex(/^[\w-]{8,100}$/),
  model: z.string(),
  input: z
    .object({ prompt: z.string() })
    .catchall(z.union([z.string(), z.number(), z.boolean(), reference, z.array(reference).max(100)])),
});
const priceRequest = makeRequest.omit({ key: true });
const historyQuery = z.object({
  page: z.coerce.number().int().min(1).max(1000).default(1),
  status: z.string().min(1).optional(),
  model: z.string().min(1).optional(),
});

/** Makes the app. */
export function createApp(parts: AppParts): Hono {
  const app = new Hono();
  // From the service, and so from anywhere: it is verified by its signature.
  app.post('/webhooks', (context) => parts.webhooks.take(context));
  app.use(onlyOwnPage(), strictHeaders());
  app.use('/api/*', async (context, next) => {
    await next();
    context.header('Cache-Control', 'no-store');
  });
  app.put('/api/files', (context) => receiveFile(context, parts.files));
  app.use(bodyLimit({ maxSize: 64 * 1024 }));
  addSessionRoutes(app, parts);
  addTaskRoutes(app, parts);
  app.get('/api/files/:id', async (context, next) => {
    if (!(await parts.files.has(context.req.param('id')))) return context.notFound();
    return serveStatic({
      root: parts.files.directory,
      rewriteRequestPath: (path) => path.split('/').at(-1) ?? '',
    })(context, next);
  });
  app.get('/videos/:id', serveVideo(parts.kling, parts.videoDirectory));
  app.get('/*', servePage(parts.pageDirectory));
  app.onError((error, context) => {
    const status = statusOf(error);
    if (status === 500) console.error(error);
    return context.json(toProblem(error), status);
  });
  return app;
}

/** Serves the page's own files, compressed as the build has left them. */
function servePage(root: string): MiddlewareHandler {
  return serveStatic({
    root,
    precompressed: true,
    onFound: (_path, context) => context.header('Cache-Control', 'no-cache'),
  });
}

function addSessionRoutes(app: Hono, { kling, settings, host, budget, emulator, events }: AppParts): void {
  app.get('/api/session', async (context) => {
    const session: SessionView = {
      mode: settings.mode,
      host,
      mustConfirm: settings.mustConfirm,
      budget: budget.view(),
    };
    try {
      session.balance = await kling.balance();
    } catch (error) {
      session.problem = toProblem(error);
    }
    return context.json(session);
  });
  app.put('/api/budget', async (context) => {
    const { limit } = z
      .strictObject({ limit: z.number().min(0).max(1_000_000).nullable() })
      .parse(await context.req.json());
    await budget.set(limit);
    events.publish('budget', budget.view());
    return context.json(budget.view());
  });
  app.put('/api/rehearsal', async (context) => {
    const { rehearsal } = z
      .strictObject({ rehearsal: z.enum([...REHEARSALS, 'none']) })
      .parse(await context.req.json());
    if (emulator === undefined) return context.notFound();
    if (rehearsal === 'none') emulator.clearFaults();
    else rehearse(emulator, rehearsal);
    return context.body(null, 204);
  });
  app.get('/api/events', (context) => events.stream(context));
}

function addTaskRoutes(app: Hono, { kling, store, tasks, history, views, events }: AppParts): void {
  const withTask =
    (handle: (context: Context, task: StudioTask) => Promise<Response>) => async (context: Context) => {
      const task = store.get(context.req.param('key') ?? '');
      return task === undefined ? context.notFound() : handle(context, task);
    };
  app.get('/api/tasks', async (context) =>
    context.json(await history.page(historyQuery.parse(context.req.query()))),
  );
  app.post('/api/tasks', async (context) => {
    const request = makeRequest.parse(await context.req.json()) satisfies MakeRequest;
    return context.json(views.ofMine(await tasks.make(request)), 202);
  });
  app.post('/api/price', async (context) => {
    const request = priceRequest.parse(await context.req.json());
    return context.json({ cost: await tasks.price(request) });
  });
  app.get(
    '/api/tasks/:key/candidates',
    withTask(async (context, task) => context.json(await tasks.candidates(task))),
  );
  app.post(
    '/api/tasks/:key/resolve',
    withTask(async (context, task) => {
      const { id } = z.strictObject({ id: z.string().min(1).nullable() }).parse(await context.req.json());
      await tasks.resolve(task, id);
      return context.json(views.ofMine(task));
    }),
  );
  app.post(
    '/api/tasks/:key/follow',
    withTask(async (context, task) => {
      tasks.follow(task);
      return context.json(views.ofMine(task));
    }),
  );
  app.delete('/api/tasks/:key', async (context) => {
    const key = context.req.param('key');
    const mine = store.get(key);
    if (mine !== undefined && !['ended', 'rejected'].includes(mine.state)) {
      return context.json({ name: 'Error', message: 'This task has not ended: it cannot be removed.' }, 409);
    }
    const id = mine === undefined ? key : mine.id;
    if (id !== undefined) await kling.delete(id);
    if (mine !== undefined) await store.remove(key);
    events.publish('removed', { key });
    return context.body(null, 204);
  });
}

async function receiveFile(context: Context, files: ReferenceFiles): Promise<Response> {
  const name = context.req.query('name') ?? '';
  const id = await files.save(name, context.req.header('content-length'), context.req.raw.body);
  return context.json({ file: id, name });
}

function statusOf(error: Error): 400 | 409 | 411 | 413 | 422 | 500 | 502 {
  if (error instanceof FileRejected) return error.status;
  if (error instanceof z.ZodError || error instanceof SyntaxError) return 400;
  if (InvalidInputError.isInstance(error) || BudgetExceededError.isInstance(error)) return 422;
  if (IdempotencyConflictError.isInstance(error)) return 409;
  return toProblem(error).name === 'Error' ? 500 : 502;
}
