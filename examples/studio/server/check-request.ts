/** Checks what the page sends with the schema that the page has checked it with. */
import { InvalidInputError, type InputIssue } from 'wavespeed-kling';
import { type ModelId, parseInput } from 'wavespeed-kling/schemas';
import { toRequestFields } from '../shared/request-fields.js';
import type { MakeRequest } from '../shared/types.js';
import type { ReferenceFiles } from './files.js';

/** @throws {InvalidInputError} with every issue, those of files that are gone included. */
export async function checkRequest({ model, input }: MakeRequest, files: ReferenceFiles): Promise<void> {
  const issues: InputIssue[] = [];
  try {
    parseInput(model as ModelId, toRequestFields(input));
  } catch (error) {
    if (!InvalidInputError.isInstance(error)) throw error;
    issues.push(...error.issues);
  }
  const places = [...input.images.entries(), ...(input.video ? [['video', input.video] as const] : [])];
  for (const [place, reference] of places) {
    if (!('file' in reference) || (await files.has(reference.file))) continue;
    issues.push({
      path: place === 'video' ? ['video'] : ['images', place],
      message: `${reference.name}: no longer on this server; choose it again`,
    });
  }
  if (issues.length > 0) throw new InvalidInputError(model, issues);
}
