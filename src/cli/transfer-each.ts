/** Transfers files one after the other, with a progress row each, and sets the exit code. */
import { exitCodeOf } from './exit-code-of.js';
import { combineExitCodes, EXIT } from './exit-codes.js';
import { interrupted } from './interrupt.js';
import { describe } from './messages.js';
import { note, paint } from './output.js';
import { Progress, type Row } from './progress.js';

/**
 * @param past Participle of the transfer, such as "uploaded".
 * @param transfer Resolves to what was done instead, if not that.
 */
export async function transferEach(
  sources: readonly string[],
  past: string,
  transfer: (source: string, row: Row) => Promise<string | void>,
): Promise<void> {
  const progress = new Progress(sources.length);
  const codes: number[] = [];
  try {
    for (const source of sources) {
      const row = progress.row(source.replace(/^(https?:[^?]*).*$/is, '$1'));
      try {
        const done = await transfer(source, row);
        row.end(true, done ?? past);
        codes.push(EXIT.done);
      } catch (error) {
        row.end(false, `not ${past}`);
        note(describe(error).message, paint('red', '✖'));
        codes.push(exitCodeOf(error));
        if (interrupted.aborted) break;
      }
    }
  } finally {
    progress.stop();
  }
  process.exitCode = combineExitCodes(codes);
}
