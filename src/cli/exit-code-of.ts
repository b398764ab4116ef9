/** The exit codes of the library's errors. */
import { WaveSpeedError, type WaveSpeedErrors } from '../index.js';
import { CommandError, EXIT, Interruption } from './exit-codes.js';

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
