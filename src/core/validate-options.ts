/** Option checks shared by several rooms: unknown names, and the type of each value. */
import { ConfigurationError } from './errors/input-error.js';
import { unknownOptionMessage } from '../utils/messages.js';
import { propertyNames } from '../utils/property-names.js';

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call, never the task. It rejects with the signal's reason, or with a `WaitAbortedError` once there is a task. */
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

/** Rejects unknown names: a misspelled `maxCost` would otherwise not limit anything. */
export function checkNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new ConfigurationError(unknownOptionMessage(name, known));
  }
}

/** Throws a `ConfigurationError` for a value that the option cannot have. It gets no `undefined`. */
export type Check = (value: unknown, name: string) => void;

/** The options of a call: each with its check, and with its default if it has a fixed one. */
export type OptionTable<Options> = {
  readonly [Name in keyof Options]-?: {
    check: Check;
    default?: Exclude<Options[Name], undefined>;
  };
};

type WithDefaults<Options, Table> = {
  [Name in keyof Options]-?: Name extends keyof Table
    ? Table[Name] extends { default: unknown }
      ? Exclude<Options[Name], undefined>
      : Options[Name] | undefined
    : Options[Name] | undefined;
};

/**
 * Reads the options of a call: each once, so that the checked value is the one that is used. An inherited `maxCost`
 * counts as well, but nothing that stands on Object.prototype.
 */
export function readOptions<Options extends object, const Table extends OptionTable<Options>>(
  options: Options,
  table: Table & OptionTable<Options>,
  subject = 'options',
  example = '{ signal }',
): WithDefaults<Options, Table> {
  checkObject(subject, options, example);
  const known = Object.keys(table);
  for (const name of propertyNames(options)) {
    if (!Object.hasOwn(table, name)) throw new ConfigurationError(unknownOptionMessage(name, known));
  }
  const read = known.map((name) => {
    const rule = table[name as keyof Options];
    const value = readOption(options, name);
    if (value !== undefined) rule.check(value, name);
    return [name, value ?? rule.default] as const;
  });
  return Object.fromEntries(read) as WithDefaults<Options, Table>;
}

function readOption(options: object, name: string): unknown {
  const isDeclared = Object.hasOwn(options, name) || !(name in Object.prototype);
  return isDeclared ? (options as Record<string, unknown>)[name] : undefined;
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

export const ms: Check = (value, name) => checkMs(name, value);

export const aFunction: Check = (value, name) => checkFunction(name, value);

export const integer =
  (min: number): Check =>
  (value, name) =>
    checkInteger(name, value, min);

export const CALL_OPTIONS = {
  signal: { check: checkSignal },
  maxRetries: { check: /* @__PURE__ */ integer(0) },
} satisfies OptionTable<CallOptions>;

export const readCallOptions = (options: CallOptions): CallOptions => readOptions(options, CALL_OPTIONS);
