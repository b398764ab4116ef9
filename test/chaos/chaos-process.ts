/** One process of a chaos run: it is killed, frozen, or has its clock set, and tells what it meets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { WorkerMessage, WorkerSettings } from './settings.js';

/** A command before the process's own, such as `unshare`. */
export type Before = readonly string[];

export class ChaosProcess {
  readonly settings: WorkerSettings;
  /** Resolves when the process, and what it was started with, has ended: true if it was done. */
  readonly ended: Promise<boolean>;
  isKilled = false;
  journalErrors = 0;
  hasEnded = false;
  /** Of a process that ended by itself, and not well. */
  failure: string | undefined;
  readonly #child: ChildProcess;

  constructor(
    worker: string,
    settings: WorkerSettings,
    before: Before,
    onMessage: (message: WorkerMessage, process: ChaosProcess) => void,
  ) {
    this.settings = settings;
    const [command, ...args] = [...before, process.execPath, worker, JSON.stringify(settings)];
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    let errors = '';
    child.stderr.on('data', (text) => (errors += String(text)));
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => {
      onMessage(JSON.parse(line) as WorkerMessage, this);
    });
    this.ended = new Promise((resolve) => {
      // Not 'exit': the process in a namespace may outlive the command that made it.
      child.once('close', (code) => {
        this.hasEnded = true;
        if (code !== null && code !== 0 && !this.isKilled) this.failure = `exit ${code}: ${errors}`;
        resolve(code === 0);
      });
    });
  }

  kill(): boolean {
    this.isKilled = this.#child.kill('SIGKILL');
    return this.isKilled;
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  setClock(): void {
    this.#child.kill('SIGUSR2');
  }

  /** Lets one call go on that found the journal unusable. */
  goOn(): void {
    this.#child.stdin?.write('go\n');
  }
}
