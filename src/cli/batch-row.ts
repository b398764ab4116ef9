/** What the formats of a batch have in common: a row before it is validated. */
import type { InputIssue } from '../index.js';
import { type DefinedModel, models } from '../schemas.js';
import { findModel } from './options.js';

/** One row before it is validated. */
export interface RawRow {
  line: number;
  /** How messages name it, such as `line 3`. */
  place: string;
  /** Returns `model`, `key` and the model's fields. */
  read: () => Record<string, unknown>;
  /** Words a problem, with the place and, if the format has columns, the column. */
  describe: (issue: InputIssue) => string;
}

/** The file is not what it should be. The message is the rest of a sentence that starts with the file's name. */
export class WrongFileError extends Error {}

/** Finds the model of a row: `own`, of `--model-file`, where it is named or nothing is; otherwise a built-in one. */
export function findRowModel(name: unknown, own: DefinedModel | undefined): DefinedModel | undefined {
  if (own !== undefined && (name === undefined || name === own.id || name === own.shortName)) return own;
  const id = findModel(name);
  return id === undefined ? undefined : models[id];
}
