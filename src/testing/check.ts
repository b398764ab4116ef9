/**
 * Refuses names that the emulator does not know: a fault or an option that is misspelt would never show.
 */
import { didYouMean } from '../core/messages.js';

/** Says which name may have been meant, or which there are. */
function hint(name: string, known: readonly string[]): string {
  const meant = didYouMean(name, known);
  return meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean \`${meant}\`?`;
}

/** @throws {RangeError} for a field that is not known. */
export function checkFields(subject: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new RangeError(`${subject}: \`${unknown}\` is unknown; ${hint(unknown, known)}`);
}

/** @throws {RangeError} for a value that is none of the known. */
export function checkChoice(field: string, given: unknown, known: readonly string[]): void {
  if (typeof given === 'string' && known.includes(given)) return;
  const shown = typeof given === 'string' ? JSON.stringify(given) : typeof given;
  throw new RangeError(`${field}: got ${shown}; ${hint(typeof given === 'string' ? given : '', known)}`);
}
