/** Turns errors into sentences that say what an agent should do next. */
import { SubmissionUnknownError, WaveSpeedError, type WaveSpeedErrors } from '../../index.js';
import { describe } from '../messages.js';

/** The server refuses a call. The message says why, and what to do next. */
export class Refusal extends Error {}

const NEXT: Partial<Record<WaveSpeedErrors['name'], string>> = {
  InvalidInputError: 'Correct the input and call again; list_models has the schema of each model.',
  IdempotencyConflictError: 'Use another key for another video.',
  AuthenticationError: 'Ask the user to check WAVESPEED_API_KEY.',
  PermissionError: 'Ask the user to check the rights of WAVESPEED_API_KEY.',
  InsufficientCreditsError: 'Ask the user to top up the account.',
  NotFoundError: 'list_videos shows the ids of the last 7 days.',
  RateLimitError: 'Wait a minute, then call again with the same arguments.',
  JournalError: 'Ask the user to check the file of --journal.',
  DownloadError: 'Call download_video again; the service keeps outputs for 7 days.',
};

const CALL_AGAIN = 'Call again with the same arguments: it is not paid twice.';

export function refusalText(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const { message } = describe(error);
  if (SubmissionUnknownError.isInstance(error)) {
    return `The video may or may not have been started (${message.replace(/\.$/, '')}). ${CALL_AGAIN}`;
  }
  const next = WaveSpeedError.isInstance(error)
    ? (NEXT[(error as WaveSpeedErrors).name] ?? CALL_AGAIN)
    : CALL_AGAIN;
  return `${/[.!?]$/.test(message) ? message : `${message}.`} ${next}`;
}
