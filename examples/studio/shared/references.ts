/** The references in a request: files that were sent to the studio's server, and URLs. No field is named here. */
import type { Reference, StudioInput } from './types.js';

export interface PlacedReference {
  reference: Reference;
  /** The field, and the index in its list. */
  path: (string | number)[];
}

export function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && ('file' in value || 'url' in value);
}

/** Lists the references with their places. */
export function referencesOf(input: StudioInput): PlacedReference[] {
  return Object.entries(input).flatMap(([name, value]): PlacedReference[] => {
    if (Array.isArray(value)) return value.map((reference, index) => ({ reference, path: [name, index] }));
    return isReference(value) ? [{ reference: value, path: [name] }] : [];
  });
}

/** Returns the fields with something else in the place of each reference. */
export function replaceReferences(
  input: StudioInput,
  replace: (reference: Reference) => unknown,
): { prompt: string; [field: string]: unknown } {
  const fields = Object.entries(input).map(([name, value]): [string, unknown] => {
    if (Array.isArray(value)) return [name, value.map(replace)];
    return [name, isReference(value) ? replace(value) : value];
  });
  return { ...Object.fromEntries(fields), prompt: input.prompt };
}

/** The fields as the schemas take them: where a file is still to be uploaded, a URL stands in its place. */
export function toRequestFields(input: StudioInput): { prompt: string; [field: string]: unknown } {
  return replaceReferences(input, (reference) =>
    'file' in reference ? `https://studio.invalid/${encodeURIComponent(reference.file)}` : reference.url,
  );
}
