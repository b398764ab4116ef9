/** Opens the journal that `--journal` names. */
import type { Journal } from '../index.js';
import { CommandError, EXIT } from './exit-codes.js';

export function openJournal(_path: string): Journal {
  throw new CommandError('--journal is not available yet.', EXIT.usage);
}
