/** Returns the message of any thrown value; String() itself can throw. */
export function getErrorMessage(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return `a value of type ${typeof thrown}`;
  }
}
