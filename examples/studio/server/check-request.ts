/** Checks what the page sends with the schema that the page has checked it with. */
import { InvalidInputError, type InputIssue } from 'wavespeed-kling';
import { type ModelId, parseInput } from 'wavespeed-kling/schemas';
import { referencesOf, toRequestFields } from '../shared/references.js';
import type { MakeRequest } from '../shared/types.js';
import type { ReferenceFiles } from './files.js';

/** @throws {InvalidInputError} with every issue, those of files that are gone included. */
export async function checkRequest(
  { model, input }: Omit<MakeRequest, 'key'>,
  files: ReferenceFiles,
): Promise<void> {
  const issues: InputIssue[] = [];
  try {
    parseInput(model as ModelId, toRequestFields(input));
  } catch (error) {
    if (!InvalidInputError.isInstance(error)) throw error;
    issues.push(...error.issues);
  }
  for (const { reference, path } of referencesOf(input)) {
    if (!('file' in reference) || (await files.has(reference.file))) continue;
    issues.push({ path, message: `${reference.name}: no longer on this server; choose it again` });
  }
  if (issues.length > 0) throw new InvalidInputError(model, issues);
}
