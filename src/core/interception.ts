/** The stand-in for the service that `intercept()` of `wavespeed-kling/testing` sets for the clients of this process. */

export interface Interception {
  /** Used by clients that have no key. */
  readonly apiKey: string;
  readonly fetch: typeof globalThis.fetch;
}

/** A global, so that ES modules, CommonJS and bundles of this package find the same one. */
const SLOT = Symbol.for('wavespeed-kling.interceptions');

function interceptions(): Interception[] {
  return (Reflect.get(globalThis, SLOT) ?? []) as Interception[];
}

/** Returns the newest interception. */
export function findInterception(): Interception | undefined {
  return interceptions().at(-1);
}

/** Adds an interception; returns a function that removes it. */
export function addInterception(interception: Interception): () => void {
  Reflect.set(globalThis, SLOT, [...interceptions(), interception]);
  return () => {
    Reflect.set(
      globalThis,
      SLOT,
      interceptions().filter((other) => other !== interception),
    );
  };
}
