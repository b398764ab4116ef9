/** Exit codes, and the errors of the command itself. */

export const EXIT = {
  done: 0,
  /** The task failed, or any other error. */
  failed: 1,
  /** Wrong usage, invalid input or over budget: nothing was sent. */
  usage: 2,
  /** The outcome of a submit is unknown. */
  unknown: 3,
  /** The key was rejected, or the credit is insufficient. */
  account: 4,
  timeout: 124,
  interrupted: 130,
} as const;

/** An error of the command itself: only its message is printed. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

export class Interruption extends CommandError {
  /** @param isQuiet True if nobody reads the output any more: no message is printed. */
  constructor(
    exitCode: number,
    readonly isQuiet = false,
  ) {
    super('Interrupted.', exitCode);
  }
}

/** Whether a signal ended it. */
export const isInterruption = (code: number) => code > 128;

const RANKING: readonly number[] = [EXIT.interrupted, EXIT.unknown, EXIT.account, EXIT.timeout];

/** Returns 2 only if nothing was sent at all. */
export function combineExitCodes(codes: Iterable<number>): number {
  const all = new Set(codes);
  const signal = [...all].find(isInterruption);
  if (signal !== undefined) return signal;
  const ranked = RANKING.find((code) => all.has(code));
  if (ranked !== undefined) return ranked;
  if (all.size === 1) return [...all][0] ?? EXIT.done;
  return all.size === 0 ? EXIT.done : EXIT.failed;
}
