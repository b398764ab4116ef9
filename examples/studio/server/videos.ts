/** Videos: downloaded once into the studio's directory, and served from there, in parts as a player asks for them. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import type { MiddlewareHandler } from 'hono';
import { isCompleted, type WaveSpeedKling } from 'wavespeed-kling';
import { toProblem } from './problems.js';

/** Returns the path of a task's video. */
export function videoFile(directory: string, id: string): string {
  return join(directory, `${id}-1.mp4`);
}

/** Serves `/videos/:id`. The service's own URL never reaches the page: the policy allows no other host. */
export function serveVideo(kling: WaveSpeedKling, directory: string): MiddlewareHandler {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const downloads = new Map<string, Promise<void>>();
  const download = async (id: string) => {
    const task = await kling.get(id);
    if (isCompleted(task)) await kling.download(task, directory, { ifExists: 'overwrite' });
  };
  const serve = serveStatic({
    root: directory,
    rewriteRequestPath: (path) => `${path.split('/').at(-1)}-1.mp4`,
  });
  return async (context, next) => {
    const id = context.req.path.split('/').at(-1) ?? '';
    if (!/^[\w-]+$/.test(id)) return context.notFound();
    if (!existsSync(videoFile(directory, id))) {
      const running = downloads.get(id) ?? download(id).finally(() => downloads.delete(id));
      downloads.set(id, running);
      try {
        await running;
      } catch (error) {
        return context.json(toProblem(error), 502);
      }
    }
    context.header('Accept-Ranges', 'bytes');
    context.header('Cache-Control', 'private, max-age=604800, immutable');
    return serve(context, next);
  };
}
