/** Turns Ctrl-C into an abort: the first stops the work in order, the second ends the process. */
import { constants } from 'node:os';
import { EXIT, Interruption } from './exit-codes.js';
import { note, paint } from './output.js';

/** npm forwards a Ctrl-C that its child has already received from the terminal: one press, two signals. */
const SAME_PRESS_MS = 250;

const controller = new AbortController();

export const interrupted: AbortSignal = controller.signal;

export const SUBMIT_INTERRUPTED =
  'Interrupted: no new requests; waiting for the id of the submit in flight. Press Ctrl-C again to quit now.';

let announcement: string | undefined;

/** Sets the message that the first Ctrl-C prints. */
export function announceInterrupt(text: string): void {
  announcement = text;
}

/** Also listens for a closed stdout: nobody reads on, but a submit in flight still needs its id. */
export function listenForInterrupts(): void {
  let firstAt: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const exitCode = 128 + constants.signals[name];
      if (firstAt !== undefined && performance.now() - firstAt < SAME_PRESS_MS) return;
      // oxlint-disable-next-line unicorn/no-process-exit -- at once, as asked
      if (firstAt !== undefined) process.exit(exitCode);
      firstAt = performance.now();
      if (announcement !== undefined) note(announcement, paint('yellow', '!'));
      controller.abort(new Interruption(exitCode));
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isPipe = error.code === 'EPIPE';
    if (!isPipe) note(`stdout cannot be written: ${error.message}`, paint('red', '✖'));
    controller.abort(new Interruption(isPipe ? EXIT.interrupted : EXIT.failed, true));
  });
  // A closed stderr cannot be reported.
  process.stderr.on('error', () => undefined);
}
