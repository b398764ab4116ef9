/** Exit codes of the command, and which error ends it with which. */
import { WaveSpeedError, type WaveSpeedErrors } from '../index.js';

/** What a script can tell from the exit code. */
export const EXIT = {
  done: 0,
  /** The task failed, or something else went wrong. */
  failed: 1,
  /** Wrong usage, invalid input, over budget: nothing was sent. */
  usage: 2,
  /** A submit may or may not have been accepted. */
  unknown: 3,
  /** The key was rejected, or the account has too little credit. */
  account: 4,
  timeout: 124,
  interrupted: 130,
} as const;

/** An error of the command itself: its message is all that is shown. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** The reason of the abort after a signal such as Ctrl-C. */
export class Interruption extends CommandError {
  /** @param isQuiet Whether nobody needs to be told: the reader of stdout went away. */
  constructor(
    exitCode: number,
    readonly isQuiet = false,
  ) {
    super('Interrupted.', exitCode);
  }
}

/** Exit codes by error; those that are missing are 1. */
const CODES: Partial<Record<WaveSpeedErrors['name'], number>> = {
  InvalidInputError: EXIT.usage,
  BudgetExceededError: EXIT.usage,
  ConfigurationError: EXIT.usage,
  IdempotencyConflictError: EXIT.usage,
  JournalError: EXIT.usage,
  SubmissionUnknownError: EXIT.unknown,
  AuthenticationError: EXIT.account,
  PermissionError: EXIT.account,
  InsufficientCreditsError: EXIT.account,
  RequestTimeoutError: EXIT.timeout,
  WaitTimeoutError: EXIT.timeout,
  AbortError: EXIT.interrupted,
};

/** Returns the exit code of an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode;
  if (!WaveSpeedError.isInstance(error)) return EXIT.failed;
  const { name, predictionId, cause } = error as WaveSpeedErrors;
  const isInterrupted =
    cause instanceof Interruption && (name === 'AbortError' || predictionId !== undefined);
  if (isInterrupted) return cause.exitCode;
  // The task was accepted: not "nothing was sent".
  if (name === 'JournalError' && predictionId !== undefined) return EXIT.failed;
  return CODES[name] ?? EXIT.failed;
}

/** What outranks what where several tasks ended differently. */
const RANKING: readonly number[] = [EXIT.interrupted, EXIT.unknown, EXIT.account, EXIT.timeout];

/** Returns the exit code of several tasks: 2 only if nothing at all was sent. */
export function combineExitCodes(codes: Iterable<number>): number {
  const all = new Set(codes);
  const signal = [...all].find((code) => code > 128);
  if (signal !== undefined) return signal;
  const ranked = RANKING.find((code) => all.has(code));
  if (ranked !== undefined) return ranked;
  if (all.size === 1) return [...all][0] ?? EXIT.done;
  return all.size === 0 ? EXIT.done : EXIT.failed;
}
