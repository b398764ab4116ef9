/** What the tests may expect of the system that they run on. */
import { existsSync } from 'node:fs';

/** Windows ends a process for every signal, and has no modes of files. */
export const isWindows = process.platform === 'win32';

/** Linux says when a process began. */
export const hasProc = existsSync('/proc/self/stat');
