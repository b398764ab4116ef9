/** Where the entry of each key stands in a journal file. */
import { type Line, parseRow, type Row } from './file-lines.js';

export interface Place {
  revision: number;
  by: string | undefined;
  /** Position of the line, in bytes. */
  at: number;
  length: number;
}

export class FileIndex {
  readonly #places = new Map<string, Place>();
  readonly #keyOfTask = new Map<string, string>();
  /** Equal tokens share one string. */
  readonly #writers = new Map<string, string>();

  get size(): number {
    return this.#places.size;
  }

  get(key: string): Place | undefined {
    return this.#places.get(key);
  }

  keyOfTask(predictionId: string): string | undefined {
    return this.#keyOfTask.get(predictionId);
  }

  keys(): MapIterator<string> {
    return this.#places.keys();
  }

  [Symbol.iterator](): MapIterator<[string, Place]> {
    return this.#places.entries();
  }

  /** Returns false if the task belongs to another key. */
  claimTask({ key, entry }: Pick<Row, 'key' | 'entry'>): boolean {
    if (!('predictionId' in entry)) return true;
    const owner = this.#keyOfTask.get(entry.predictionId);
    if (owner === undefined) this.#keyOfTask.set(entry.predictionId, key);
    return owner === undefined || owner === key;
  }

  set({ key, revision, by }: Pick<Row, 'key' | 'revision' | 'by'>, at: number, length: number): void {
    const writer = by === undefined ? undefined : (this.#writers.get(by) ?? by);
    if (by !== undefined && writer === by) this.#writers.set(by, by);
    this.#places.set(key, { revision, by: writer, at, length });
  }

  /**
   * Takes a line that was read; returns what is wrong with it.
   *
   * Two processes that wrote at the same time may both have appended the same revision. The second of them found that the
   * file was not as it had left it, and sent nothing: its line is void.
   */
  add(line: Line): string | undefined {
    const row = parseRow(line.text);
    if ('problem' in row) return row.problem;
    const before = this.#places.get(row.key);
    if (before !== undefined && row.revision <= before.revision) {
      return isOfAnother(row, before) ? undefined : `revision ${row.revision} after ${before.revision}`;
    }
    if (!this.claimTask(row)) {
      const owner = this.#places.get(
        this.#keyOfTask.get('predictionId' in row.entry ? row.entry.predictionId : '') ?? '',
      );
      return isOfAnother(row, owner) ? undefined : 'another key has this task';
    }
    this.set(row, line.at, line.length);
    return undefined;
  }
}

function isOfAnother({ by }: Row, other: Place | undefined): boolean {
  return by !== undefined && other?.by !== undefined && by !== other.by;
}
