/** One check of `doctor`. */
import { interrupted } from './interrupt.js';
import { describe } from './messages.js';

export interface Check {
  check: string;
  ok: boolean;
  detail: string;
}

/** An error fails the check; an interruption ends the command. */
export async function attempt(check: string, run: () => Promise<Omit<Check, 'check'>>): Promise<Check> {
  try {
    return { check, ...(await run()) };
  } catch (error) {
    interrupted.throwIfAborted();
    return { check, ok: false, detail: describe(error).message };
  }
}
