/** A journal whose every call ends within the time of one request, and within seconds of the end of the client's call. */
import { JournalError } from '../../core/errors/input-error.js';
import { Call } from '../../utils/call.js';
import type { Journal } from './journal.js';

/** Grace period for the journal after an abort or the deadline: what it stores then keeps the key usable. */
const GRACE_MS = 5000;

export function limitJournal(journal: Journal, call: Call, requestTimeoutMs: number): Journal {
  const limit = async <T>(work: () => Promise<T>): Promise<T> => {
    const createTimeoutError = () =>
      new JournalError(`The journal did not respond within requestTimeoutMs (${requestTimeoutMs} ms).`);
    const access = new Call({ timeoutMs: requestTimeoutMs, createTimeoutError });
    try {
      return await call.grace(GRACE_MS, access.run(work()));
    } catch (cause) {
      if (!call.signal.aborted || cause !== call.signal.reason) throw cause;
      throw new JournalError('The journal did not respond before the call ended.', { cause });
    } finally {
      access.close();
    }
  };
  return {
    get: (key) => limit(async () => journal.get(key)),
    put: (key, entry, revision) => limit(async () => journal.put(key, entry, revision)),
    ...(journal.find !== undefined && { find: (id) => limit(async () => journal.find?.(id)) }),
    ...(journal.entries !== undefined && {
      async *entries() {
        const iterator = journal.entries?.()[Symbol.asyncIterator]();
        for (;;) {
          const result = await limit(async () => iterator?.next());
          if (result === undefined || result.done === true) return;
          yield result.value;
        }
      },
    }),
  };
}
