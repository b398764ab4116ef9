/** Limits how long a webhook waits for what the application provides: a store, a journal, a secret. */

/** The service gives up after 20 minutes, and the sender of a delivery should learn of a failure well before that. */
const TIME_LIMIT_MS = 10_000;

/** Also for a function that is not async. `onLate` gets a value that comes after the limit. */
export async function withTimeLimit<T>(
  name: string,
  call: () => T | Promise<T>,
  onLate?: (value: T) => unknown,
): Promise<T> {
  const promise = (async () => call())();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`\`${name}\` did not settle within ${TIME_LIMIT_MS} ms.`));
      void promise.then(onLate).catch(() => undefined);
    }, TIME_LIMIT_MS);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
