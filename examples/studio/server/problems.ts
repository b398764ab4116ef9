/** Errors of the library, as the page shows them. */
import { InvalidInputError, SubmissionUnknownError, WaveSpeedError } from 'wavespeed-kling';
import type { Problem } from '../shared/types.js';

/** What to do, in place of the library's message, which is for developers. */
const ADVICE: Record<string, string> = {
  AuthenticationError:
    'The API key was rejected. Set WAVESPEED_API_KEY to a valid key and start the studio again.',
  InsufficientCreditsError: 'The account has too little credit for this video. Nothing was charged.',
};

const UNKNOWN =
  'The request was sent, and no response came back. The task may have been accepted and charged, so it was not sent again.';

/** Describes an error. Messages of the library hold no secrets; others are not shown. */
export function toProblem(error: unknown): Problem {
  if (!WaveSpeedError.isInstance(error)) {
    return { name: 'Error', message: 'Something went wrong in the studio; its terminal shows what.' };
  }
  if (SubmissionUnknownError.isInstance(error)) return { name: error.name, message: UNKNOWN };
  const message = ADVICE[error.name] ?? error.message;
  return InvalidInputError.isInstance(error)
    ? { name: error.name, message, issues: [...error.issues] }
    : { name: error.name, message };
}
