/** Rejects unknown options, fields and values, so that a misspelled fault does not go unnoticed. */
import { didYouMean } from '../utils/messages.js';

function hint(name: string, known: readonly string[]): string {
  const meant = didYouMean(name, known);
  return meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean \`${meant}\`?`;
}

export function checkFields(subject: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new RangeError(`${subject}: \`${unknown}\` is unknown; ${hint(unknown, known)}`);
}

export function checkChoice(field: string, given: unknown, known: readonly string[]): void {
  if (typeof given === 'string' && known.includes(given)) return;
  const shown = typeof given === 'string' ? JSON.stringify(given) : typeof given;
  throw new RangeError(`${field}: got ${shown}; ${hint(typeof given === 'string' ? given : '', known)}`);
}
