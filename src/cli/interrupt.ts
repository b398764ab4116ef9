/** Turns Ctrl-C into an abort: the first ends the work in order, the second ends the process. */
import { constants } from 'node:os';
import { EXIT, Interruption } from './exit-codes.js';
import { note, paint } from './output.js';

const controller = new AbortController();

/** Aborted by the first Ctrl-C. */
export const interrupted: AbortSignal = controller.signal;

export const SUBMIT_INTERRUPTED =
  'Interrupted: nothing more is sent; an id that is on its way is waited for. Ctrl-C again ends at once.';

let announcement: string | undefined;

/** Sets what the first Ctrl-C prints. */
export function announceInterrupt(text: string): void {
  announcement = text;
}

/** Aborts what is under way, as Ctrl-C does. */
function interrupt(exitCode: number): void {
  controller.abort(new Interruption(exitCode));
}

/** Listens for signals, and for a closed stdout: nobody reads on, but a submit under way still needs its id. */
export function listenForInterrupts(): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const exitCode = 128 + constants.signals[name];
      // oxlint-disable-next-line unicorn/no-process-exit -- at once, as asked
      if (interrupted.aborted) process.exit(exitCode);
      if (announcement !== undefined) note(announcement, paint('yellow', '!'));
      interrupt(exitCode);
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') note(`stdout cannot be written: ${error.message}`, paint('red', '✖'));
    interrupt(error.code === 'EPIPE' ? EXIT.interrupted : EXIT.failed);
  });
  // Where stderr is closed nothing can be said about it.
  process.stderr.on('error', () => undefined);
}
