/** Validates the API key, and resolves it when it is a function. */
import { ConfigurationError } from '../core/errors/input-error.js';
import { MAX_TIMER_MS, raceAbort } from '../utils/abort.js';
import { getErrorMessage } from '../utils/error-message.js';

export type ApiKeySource = string | (() => string | Promise<string>);

/** What comes along when a key is copied. */
const MISTAKES = [
  { pattern: /^(?:authorization\s*:|bearer\b)/i, problem: 'begins with "Bearer"' },
  { pattern: /^(?:export\s+)?[A-Za-z_]\w*\s*=(?!=*$)/, problem: 'begins with "NAME="' },
  { pattern: /^["'`\u2018-\u201F]|["'`\u2018-\u201F]$/, problem: 'is in quotes' },
];

/** @throws {ConfigurationError} for an invalid key; the message does not contain it. */
export function checkKey(key: unknown): string {
  const trimmed = typeof key === 'string' ? key.trim() : '';
  const mistake = MISTAKES.find(({ pattern }) => pattern.test(trimmed));
  if (mistake !== undefined) {
    throw new ConfigurationError(`\`apiKey\`: the API key ${mistake.problem}; expected the key alone.`);
  }
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new ConfigurationError(
    '`apiKey`: the API key is missing or not printable ASCII; expected the key from https://wavespeed.ai/accesskey ' +
      'in the option `apiKey` or in the environment variable WAVESPEED_API_KEY.',
  );
}

export async function resolveApiKey(
  source: ApiKeySource,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  // A fixed key was already validated.
  if (typeof source === 'string') return source;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    const error = new Error(`no key within requestTimeoutMs (${timeoutMs} ms)`);
    timer = setTimeout(() => reject(error), Math.min(timeoutMs, MAX_TIMER_MS));
  });
  try {
    const returned = (async () => source())();
    const key = checkKey(await raceAbort(Promise.race([returned, expired]), signal));
    // The signal may have aborted as the key arrived.
    signal?.throwIfAborted();
    return key;
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    const message =
      cause instanceof ConfigurationError
        ? cause.message
        : `\`apiKey\`: the function failed (${getErrorMessage(cause)}); expected it to return the key. Nothing was sent.`;
    throw new ConfigurationError(message, { code: 'api_key_unavailable', cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Returns true if the `apiKey` function failed, which may be transient. */
export function isKeyFailure(error: unknown): boolean {
  return error instanceof ConfigurationError && error.code === 'api_key_unavailable';
}
