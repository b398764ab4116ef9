/** Resolves a key by hand, whose submit has an unknown outcome: `resolve`, and its options. */
import { IdempotencyConflictError, InvalidInputError } from '../../core/errors/input-error.js';
import { checkSignal, ms, type OptionTable, readOptions, rejectOption } from '../../core/validate-options.js';
import type { ApiClient } from '../../http/api-client.js';
import { isModelId, resolveModel } from '../../models/catalog.js';
import type { Call } from '../../utils/call.js';
import { compareInput, inputOf, isOtherModel } from '../compare-inputs.js';
import { getTask } from '../history.js';
import {
  commonOf,
  type Journal,
  type JournalEntry,
  readEntry,
  type SendingEntry,
  type StoredEntry,
  writeEntry,
} from './journal.js';
import { certainTimeOf, type KeyContext, nameOf } from './key-context.js';

/** Options of `resolve`. */
export interface ResolveOptions {
  signal?: AbortSignal | undefined;
  /** Time limit, in milliseconds. @default the client's requestTimeoutMs */
  timeoutMs?: number | undefined;
  /**
   * Also resolves the key before it is certain that there is no task, and with a task whose input differs.
   *
   * @default false
   */
  force?: boolean | undefined;
}

const RESOLVE_OPTIONS = {
  signal: { check: checkSignal },
  timeoutMs: { check: ms },
  force: { check: checkForce, default: false },
} satisfies OptionTable<ResolveOptions>;

export const readResolveOptions = (options: ResolveOptions): ResolveOptions =>
  readOptions<ResolveOptions, typeof RESOLVE_OPTIONS>(options, RESOLVE_OPTIONS);

function checkForce(value: unknown): void {
  if (typeof value !== 'boolean') rejectOption('force', value, 'true or false');
}

type ResolveContext = KeyContext & { call: Call; http: ApiClient };

/**
 * @param predictionId Its task, or null if there is none.
 * @param isForced Skips the checks of time and input.
 * @throws {IdempotencyConflictError} before it is certain that there is no task; for a task whose input differs; for a key
 * that has another task, and a task that has another key.
 */
export async function resolveKey(
  key: string,
  predictionId: string | null,
  isForced: boolean,
  context: ResolveContext,
): Promise<void> {
  const { call } = context;
  const name = nameOf(key);
  const refuse = (why: string) => new IdempotencyConflictError(key, `${name}${why}; nothing was changed.`);
  for (;;) {
    const { entry, revision } = await call.run(read(key, name, context.journal));
    if (entry.state === 'submitted' || entry.state === 'ended') {
      if (entry.predictionId === predictionId) return;
      throw refuse(` has the task ${entry.predictionId} already`);
    }
    if (entry.state === 'sending') {
      const problem = isForced ? undefined : await call.run(findProblem(entry, predictionId, context));
      if (problem !== undefined) throw refuse(problem);
      // A POST that may still begin would start a task that the key has lost.
      if (predictionId === null) await waitForLease(entry, context);
    }
    const resolved: JournalEntry =
      predictionId === null
        ? { ...commonOf(entry), state: 'idle', reason: 'resolved by hand' }
        : { ...commonOf(entry), predictionId, state: 'submitted' };
    call.throwIfEnded();
    // Not cut short: what was written must not be reported as unchanged.
    const put = await writeEntry(context.journal, key, resolved, revision);
    if (put === 'taken') throw refuse(`: task ${predictionId} belongs to another key`);
    if (put !== 'stale') return;
  }
}

async function read(key: string, name: string, journal: Journal): Promise<StoredEntry> {
  const found = await readEntry(journal, key);
  if (found !== undefined) return found;
  const message = `${name}: the journal has no such key`;
  throw new InvalidInputError('resolve', [{ path: ['idempotencyKey'], message }]);
}

async function findProblem(
  entry: SendingEntry,
  predictionId: string | null,
  context: ResolveContext,
): Promise<string | undefined> {
  const { call, clock, http, journal } = context;
  if (predictionId === null) {
    const certainMs = certainTimeOf(entry, context);
    if (clock.local() >= certainMs) return undefined;
    const time = new Date(certainMs).toISOString();
    return `: it is not certain before ${time} that there is no task. Call again with this key after that, or pass { force: true }`;
  }
  const owner = await journal.find?.(predictionId);
  if (owner !== undefined) return `: task ${predictionId} belongs to another key`;
  const task = await getTask(http, call, predictionId);
  const shown = inputOf(task);
  const hasOtherModel = isOtherModel(task.model, entry.model);
  // The defaults of a model that is not built in are not known here.
  const isOtherInput =
    shown !== undefined &&
    isModelId(entry.model) &&
    compareInput(resolveModel(entry.model), shown, entry.digest) === false;
  if (!hasOtherModel && !isOtherInput) return undefined;
  const what = hasOtherModel ? 'model' : 'input';
  return `: task ${predictionId} shows another ${what} than was submitted. Pass { force: true } if it is the task`;
}

async function waitForLease(entry: SendingEntry, { call, clock, leaseMs }: ResolveContext): Promise<void> {
  const now = () => (entry.clock === 'local' ? clock.local() : clock.service().now);
  const remainingMs = Math.min(Date.parse(entry.sendBy) - now(), leaseMs);
  // A timer may fire early.
  if (remainingMs >= 0) await call.sleep(remainingMs + 1);
}
