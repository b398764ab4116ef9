/** What the formats of a batch have in common: a row before it is validated. */
import type { InputIssue } from '../index.js';

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
