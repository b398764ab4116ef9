/** Makes a generator that can be closed while a step is pending; a plain one would finish the step first. */

/** @param create Gets a signal that aborts when the generator is closed. */
export function abortableGenerator<T>(
  create: (closed: AbortSignal) => AsyncGenerator<T, void, void>,
): AsyncGenerator<T, void, void> {
  const done: IteratorReturnResult<void> = { done: true, value: undefined };
  const controller = new AbortController();
  const generator = create(controller.signal);
  const close = async () => {
    controller.abort();
    await generator.return().catch(() => undefined);
  };
  return {
    async next() {
      try {
        return await generator.next();
      } catch (error) {
        if (controller.signal.aborted) return done;
        throw error;
      }
    },
    async return() {
      await close();
      return done;
    },
    async throw(error: unknown) {
      await close();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}
