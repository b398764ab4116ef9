/** Returns the message of whatever was thrown. There are values at which String() itself throws. */
export function getErrorMessage(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return `a value of type ${typeof thrown}`;
  }
}
