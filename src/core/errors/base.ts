/** The base class of every error of this library. */
import { isTransientStatus } from '../transient-status.js';

/** Holds the class names of an error and of its parents. Loaded copies of the library share the symbol. */
const KINDS = /* @__PURE__ */ Symbol.for('wavespeed-kling.error');

/** The query of a signed URL is a secret. */
function withoutQueries(text: string): string {
  return text.replace(/[^\s"<>]+/g, (word) => {
    const mark = word.indexOf('?');
    // Skip "?" used as punctuation.
    const isQuery = mark !== -1 && /[/=]/.test(word) && /[\p{L}\p{N}]/u.test(word.slice(mark));
    return isQuery ? `${word.slice(0, mark)}?…` : word;
  });
}

/**
 * What a program can do after an error: `never`: the same call fails again; `later`: it may succeed after some time;
 * `resume`: there is a task, so call `wait(error.predictionId)` and do not submit again.
 */
export type RetryAdvice = 'never' | 'later' | 'resume';

export interface WaveSpeedErrorOptions {
  cause?: unknown;
  predictionId?: string | undefined;
}

/**
 * Base class of every error of this library.
 *
 * @example
 * try {
 *   await kling.run(model, input);
 * } catch (error) {
 *   if (WaveSpeedError.isInstance(error)) console.error(error.name, error.predictionId);
 * }
 */
export class WaveSpeedError extends Error {
  /** The class name, which a minifier does not change. */
  protected static readonly className: string = 'WaveSpeedError';
  override readonly name: string = 'WaveSpeedError';

  /** Id of the task. Set on every error after a submit was accepted. */
  declare predictionId?: string;
  /** Other tasks that the same call of `generateVideo` started; set by `wavespeed-kling/ai-sdk`. */
  declare otherPredictionIds?: readonly string[];

  constructor(message: string, options: WaveSpeedErrorOptions = {}) {
    super(withoutQueries(message), 'cause' in options ? { cause: options.cause } : undefined);
    const kinds: string[] = [];
    for (let type = new.target; typeof type.className === 'string'; type = Object.getPrototypeOf(type)) {
      if (Object.hasOwn(type, 'className')) kinds.push(type.className);
    }
    Object.defineProperty(this, KINDS, { value: kinds });
    if (options.predictionId !== undefined) this.predictionId = options.predictionId;
  }

  /** Whether calling again can help: `never`, `later`, or `resume` for `wait(error.predictionId)`. */
  get retry(): RetryAdvice {
    return this.predictionId === undefined ? 'never' : 'resume';
  }

  /** Returns true for an error of this class or a class derived from it, also from another loaded copy of the library. */
  static isInstance<T extends WaveSpeedError>(
    this: (abstract new (...args: never[]) => T) & { readonly prototype: T },
    value: unknown,
  ): value is T {
    if (value instanceof this) return true;
    // A class derived in an application has no `className` of its own.
    const own = Object.getOwnPropertyDescriptor(this, 'className')?.value as unknown;
    const kinds =
      typeof value === 'object' && value !== null ? (value as { [KINDS]?: unknown })[KINDS] : undefined;
    return typeof own === 'string' && Array.isArray(kinds) && kinds.includes(own);
  }
}

/** The advice of an error whose cause may pass. */
export const laterUnlessTask = (error: WaveSpeedError): RetryAdvice =>
  error.predictionId === undefined ? 'later' : 'resume';

/** Whether the same request may succeed after this status. */
export const isPassingStatus = (status: number | undefined): boolean =>
  status === undefined || isTransientStatus(status);

/** Sets the task on an error, and adds to the message how to resume. */
export function withPredictionId<E extends WaveSpeedError>(error: E, predictionId: string): E {
  error.predictionId ??= predictionId;
  if (error.message.includes('resume with wait(')) return error;
  const stop = /[.!?…]$/.test(error.message) ? '' : '.';
  error.message += `${stop} Task ${predictionId} is not lost: resume with wait('${predictionId}').`;
  return error;
}
