// Runs the built command as a process of its own, with and without a terminal.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn as spawnPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { type Emulator, startEmulator, type StartEmulatorOptions } from 'wavespeed-kling/testing';
import { onFileCleanup } from '../support/cleanup.js';

const COMMAND = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
if (!existsSync(COMMAND)) throw new Error('dist/cli.js is missing: run `npm run build` before these tests.');

export const IMAGE = fileURLToPath(new URL('../../examples/images/front.jpg', import.meta.url));

type Environment = Record<string, string | undefined>;

/** Starts an emulator and makes a directory, both gone after the tests of the file. */
export async function setUp(options: StartEmulatorOptions = {}) {
  const emulator = await startEmulator({ queueMs: 20, processingMs: 20, ...options });
  const directory = mkdtempSync(join(tmpdir(), 'wavespeed-kling-cli-'));
  onFileCleanup(async () => {
    await emulator.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const env = environmentOf(emulator);
  return {
    emulator,
    directory,
    env,
    submits: () => emulator.requestCount({ operation: 'submit' }),
    write: (name: string, lines: readonly unknown[]) => {
      const path = join(directory, name);
      const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
      writeFileSync(path, `${texts.join('\n')}\n`);
      return path;
    },
    run: (args: readonly string[], given: RunOptions = {}) =>
      run(args, { cwd: directory, ...given, env: { ...env, ...given.env } }),
    start: (args: readonly string[], given: RunOptions = {}) =>
      start(args, { cwd: directory, ...given, env: { ...env, ...given.env } }),
    terminal: (args: readonly string[], given: TerminalOptions = {}) =>
      terminal(args, { cwd: directory, ...given, env: { ...env, ...given.env } }),
  };
}

function environmentOf({ url, apiKey }: Emulator): Environment {
  return { WAVESPEED_BASE_URL: url, WAVESPEED_API_KEY: apiKey };
}

/** The environment of a process: nothing of this one's settings for colours, CI or proxies. */
const clean = (env: Environment = {}): Environment => ({ PATH: process.env.PATH, HOME: tmpdir(), ...env });

interface RunOptions {
  env?: Environment;
  cwd?: string;
  stdin?: string | Buffer;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Starts the command with pipes; `ended` resolves once it has ended and both pipes are read. */
export function start(args: readonly string[], { env, cwd, stdin }: RunOptions = {}) {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd,
    env: clean(env),
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const watch of watchers) watch();
    });
  }
  child.stdin?.end(stdin);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  /** Resolves once a stream has shown a text; rejects if the command ends without it. */
  const shows = (name: 'stdout' | 'stderr', pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        if (!pattern.test(output[name])) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
      void ended.then(({ code, stdout, stderr }) =>
        reject(new Error(`${name} never showed ${pattern}; code ${code}\n${stdout}\n${stderr}`)),
      );
    });
  return { child, ended, shows, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

/** Runs the command to its end. */
export const run = (args: readonly string[], options: RunOptions = {}) => start(args, options).ended;

interface TerminalOptions {
  env?: Environment;
  cwd?: string;
  columns?: number;
  rows?: number;
  /** Runs `command 2>FILE` or the like through a shell; `$@` is the command. */
  shell?: string;
}

/** Starts the command on a pseudo-terminal whose screen can be read. */
export function terminal(args: readonly string[], options: TerminalOptions = {}) {
  const { env, cwd, columns = 100, rows = 24, shell } = options;
  const [file, argv] =
    shell === undefined
      ? [process.execPath, [COMMAND, ...args]]
      : ['/bin/sh', ['-c', shell, 'sh', process.execPath, COMMAND, ...args]];
  const pty = spawnPty(file, argv, {
    name: env?.TERM ?? 'xterm-256color',
    cols: columns,
    rows,
    ...(cwd !== undefined && { cwd }),
    env: clean(env),
  });
  const screen = new xterm.Terminal({ cols: columns, rows, scrollback: 1000, allowProposedApi: true });
  let raw = '';
  const watchers = new Set<() => void>();
  pty.onData((data) => {
    raw += data;
    screen.write(data, () => {
      for (const watch of watchers) watch();
    });
  });
  const lines = () => {
    const { buffer } = screen;
    const all = Array.from({ length: buffer.active.length }, (_, index) =>
      (buffer.active.getLine(index)?.translateToString(true) ?? '').trimEnd(),
    );
    while (all.at(-1) === '') all.pop();
    return all;
  };
  const ended = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode }) => {
      // What is still being parsed belongs to the screen.
      screen.write('', () => resolve(exitCode));
    });
  });
  /** Resolves once a line of the screen matches. */
  const shows = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        if (!lines().some((line) => pattern.test(line))) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
      void ended.then(() => reject(new Error(`the screen never showed ${pattern}:\n${lines().join('\n')}`)));
    });
  return {
    ended,
    shows,
    lines,
    raw: () => raw,
    type: (text: string) => pty.write(text),
    resize: (width: number, height: number) => {
      pty.resize(width, height);
      screen.resize(width, height);
    },
  };
}

/** A task as `--json` prints it. */
export interface TaskResult {
  line?: number;
  key?: string;
  id?: string;
  status: string;
  file?: string;
}

/** Parses JSON Lines. */
export const parseLines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TaskResult);

/** Returns whether a text has a stack trace in it. */
export const hasStack = (text: string) => /^\s+at .+:\d+/m.test(text);
