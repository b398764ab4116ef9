/** Compares models, and inputs by their digests: those that were sent, stored in a journal, or shown by the service. */
import type { Prediction } from '../core/prediction.js';
import { createHash } from '../media/crypto.js';
import type { DefinedModel } from '../models/defined-model.js';
import { isRecord } from '../utils/is-record.js';

/** SHA-256 of a JSON value, whatever the order of its members. */
export function createDigest(value: unknown): string {
  const text = JSON.stringify(value, (_, field: unknown) =>
    isRecord(field)
      ? Object.fromEntries(Object.entries(field).sort(([one], [other]) => (one < other ? -1 : 1)))
      : field,
  );
  return createHash('sha256')
    .update(text ?? '')
    .digest('hex');
}

/** The service may show a model in other case, without its owner, or not at all. */
export function isOtherModel(shown: string, sent: string): boolean {
  const [one, other] = [shown.toLowerCase(), sent.toLowerCase()];
  return !one.includes(other) && !other.includes(one);
}

/** The official command line tool reads both fields. */
export function inputOf(task: Prediction): Record<string, unknown> | undefined {
  const input = task.inputs ?? task.input;
  return isRecord(input) ? input : undefined;
}

/**
 * Compares a shown input with the digest of a body. Where the service shows a value that was not sent for a field without a known
 * default, such as the aspect ratio that it chose, the input may be the same or not: undefined.
 */
export function compareInput(
  model: DefinedModel,
  shown: Record<string, unknown>,
  digest: string,
): boolean | undefined {
  if (digestInput(model, shown) === digest) return true;
  const chosen = Object.keys(model.fields).filter((name) => {
    const field = model.fields[name];
    const isOpen = field?.media === undefined && field?.default === undefined && field?.isRequired === false;
    return isOpen && shown[name] != null;
  });
  const isSameWithout = subsetsOf(chosen).some((names) => {
    const sent = Object.fromEntries(Object.entries(shown).filter(([name]) => !names.includes(name)));
    return digestInput(model, sent) === digest;
  });
  return isSameWithout ? undefined : false;
}

const subsetsOf = (names: readonly string[]): string[][] =>
  names.reduce<string[][]>((sets, name) => [...sets, ...sets.map((set) => [...set, name])], [[]]);

/**
 * The digest of the fields that the model declares, with their defaults: the service may leave defaults out, and add fields
 * of its own.
 */
export function digestInput(model: DefinedModel, input: Record<string, unknown>): string {
  const declared = Object.keys(model.fields);
  const fields = Object.fromEntries(
    declared.flatMap((name) => (input[name] == null ? [] : [[name, input[name]]])),
  );
  const parsed = model.inputSchema.safeParse(fields);
  return createDigest(parsed.success ? parsed.data : fields);
}
