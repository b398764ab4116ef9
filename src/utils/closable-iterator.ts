/**
 * An async iterator that can be left while a step is under way: a generator alone would finish the step first.
 */

/** Says that the iterator was left, among the reasons of an abort. */
const LEFT = Symbol('left');

/** Makes `return` and `throw` of a generator abort what it is doing. */
export function leavable<T>(
  generator: AsyncGenerator<T, void, void>,
  controller: AbortController,
): AsyncGenerator<T, void, void> {
  const over: IteratorReturnResult<void> = { done: true, value: undefined };
  const leave = async () => {
    controller.abort(LEFT);
    await generator.return().catch(() => undefined);
  };
  return {
    async next() {
      try {
        return await generator.next();
      } catch (error) {
        if (error === LEFT) return over;
        throw error;
      }
    },
    async return() {
      await leave();
      return over;
    },
    async throw(error: unknown) {
      await leave();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await leave();
    },
  };
}
