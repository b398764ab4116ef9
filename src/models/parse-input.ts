/** Public validation of an input. */
import type { Model } from './catalog.js';
import { checkInput, replaceMedia } from './check-input.js';
import type { ParsedInput } from './input-types.js';

/**
 * Validates an input as `kling.run` does, without a client, and fills in the defaults. Local media (`file:` URLs,
 * Blobs, Files) stay as they are. The result can be passed to `kling.run`: this is how a `number` becomes one of the
 * durations that a model supports.
 *
 * @throws {InvalidInputError} with every issue.
 * @example
 * const input = parseInput(KLING_O1, { prompt: 'A fox', duration: Number(field), images: [file] });
 * await kling.run(KLING_O1, input);
 */
export function parseInput<M extends Model>(model: M, input: unknown): ParsedInput<M> {
  const { parsed, local } = checkInput(model, input);
  const sources = local.map(({ source }) => source);
  return replaceMedia({ body: parsed, local }, sources) as unknown as ParsedInput<M>;
}
