/** Option checks shared by several rooms: unknown names, and the type of each value. */
import { ConfigurationError } from './errors/input-error.js';
import { unknownOptionMessage } from '../utils/messages.js';

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call. Before a submit it rejects with the signal's reason, afterwards with a `WaitAbortedError`. */
  signal?: AbortSignal | undefined;
  /** Maximum retries of each request of this call. @default the client's */
  maxRetries?: number | undefined;
}

/** The value may be a secret (a key, a proxy URL), so only safe types are shown. */
function describe(value: unknown): string {
  if (value === null || ['undefined', 'number', 'boolean'].includes(typeof value)) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function rejectOption(name: string, given: unknown, expected: string): never {
  throw new ConfigurationError(`\`${name}\`: got ${describe(given)}; expected ${expected}.`);
}

/** Rejects unknown names: a misspelled `maxCost` would otherwise be no limit. */
export function checkNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new ConfigurationError(unknownOptionMessage(name, known));
  }
}

/** Returns a copy of the known options, inherited ones included, so that the checked values are the used ones. */
export function copyOptions<Options extends object>(
  options: Options,
  known: readonly (keyof Options & string)[],
): Options {
  checkObject('options', options, '{ signal }');
  checkNames(options, known);
  return Object.fromEntries(known.map((name) => [name, options[name]])) as Options;
}

export function checkObject(name: string, value: unknown, example: string): asserts value is object {
  if (typeof value !== 'object' || value === null) rejectOption(name, value, `an object such as ${example}`);
}

export function checkMs(name: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'number' || !(value > 0))) {
    rejectOption(name, value, 'a number of milliseconds above 0');
  }
}

export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') rejectOption(name, value, 'a function');
}

export function checkInteger(name: string, value: unknown, min: number): void {
  if (value !== undefined && (!Number.isInteger(value) || (value as number) < min)) {
    rejectOption(name, value, `a whole number, ${min} or more`);
  }
}

export function checkMaxCost(value: unknown): void {
  if (value !== undefined && (typeof value !== 'number' || !(value >= 0))) {
    rejectOption('maxCost', value, 'an amount in US dollars, such as 0.5');
  }
}

export function checkSignal(signal: unknown): void {
  if (signal === undefined) return;
  const { aborted, addEventListener, throwIfAborted } = (signal ?? {}) as Record<string, unknown>;
  if (
    typeof aborted !== 'boolean' ||
    typeof addEventListener !== 'function' ||
    typeof throwIfAborted !== 'function'
  ) {
    rejectOption('signal', signal, 'an AbortSignal');
  }
}

const CALL_OPTIONS = ['signal', 'maxRetries'] as const satisfies readonly (keyof CallOptions)[];

export function readCallOptions(options: CallOptions): CallOptions {
  checkObject('options', options, '{ signal }');
  checkNames(options, CALL_OPTIONS);
  checkSignal(options.signal);
  checkInteger('maxRetries', options.maxRetries, 0);
  return options;
}
