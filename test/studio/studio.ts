/** Starts the studio as `npm run studio` does, as a process of its own, and stops it: in order, or at once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Studio {
  readonly url: string;
  readonly dataDirectory: string;
  /** Kills the process, and starts another one with the same data on the same port. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  close(): Promise<void>;
}

/** @param server What `buildStudio()` returned. */
export async function startStudio(server: string, environment: NodeJS.ProcessEnv): Promise<Studio> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'studio-'));
  let running = await start(server, { ...environment, STUDIO_DATA: dataDirectory, PORT: '0' });
  const { url } = running;
  return {
    url,
    dataDirectory,
    async restart(signal = 'SIGKILL') {
      await stop(running.child, signal);
      running = await start(server, { ...environment, STUDIO_DATA: dataDirectory, PORT: new URL(url).port });
    },
    async close() {
      await stop(running.child, 'SIGKILL');
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

async function start(
  server: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ child: ChildProcess; url: string }> {
  const { WAVESPEED_API_KEY: _key, WAVESPEED_BASE_URL: _url, ...own } = process.env;
  const child = spawn(process.execPath, [server], {
    env: { ...own, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^http:\/\/127\.0\.0\.1:\d+$/.test(line)) return { child, url: line };
  }
  throw new Error('The studio ended before it printed its address.');
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
