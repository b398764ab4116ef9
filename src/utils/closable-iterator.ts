/** Makes a generator that can be closed while a step is pending; a plain one would finish the step first. */

const ITERATOR_CLOSED = Symbol('iterator closed');

export function abortableGenerator<T>(
  generator: AsyncGenerator<T, void, void>,
  controller: AbortController,
): AsyncGenerator<T, void, void> {
  const done: IteratorReturnResult<void> = { done: true, value: undefined };
  const close = async () => {
    controller.abort(ITERATOR_CLOSED);
    await generator.return().catch(() => undefined);
  };
  return {
    async next() {
      try {
        return await generator.next();
      } catch (error) {
        if (error === ITERATOR_CLOSED) return done;
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
