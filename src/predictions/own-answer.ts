/** Tells whether an answer to a submit is about that submit. */
import type { Prediction } from '../core/prediction.js';
import { isRecord } from '../utils/is-record.js';

/**
 * Returns false if a task shows another model or input than was sent, as an answer meant for another request does. What
 * the service may rewrite (media URLs, white space, the type of a number) is not compared.
 */
export function isOwnAnswer(task: Prediction, model: string, body: unknown): boolean {
  const [shown, sent] = [task.model.toLowerCase(), model.toLowerCase()];
  if (!sent.includes(shown) && !shown.includes(sent)) return false;
  const input = task.inputs ?? task.input;
  if (!isRecord(input) || !isRecord(body)) return true;
  return Object.entries(body).every(([field, value]) => isAlike(value, input[field]));
}

function isAlike(sent: unknown, shown: unknown): boolean {
  if (sent == null || shown == null) return true;
  if (Array.isArray(sent)) return !Array.isArray(shown) || shown.length === sent.length;
  if (typeof sent === 'object' || typeof shown === 'object') return true;
  const [words, shownWords] = [plain(sent), plain(shown)];
  // A long text may be shown cut.
  return isUrl(words) || words === shownWords || words.startsWith(shownWords.replace(/(?:…|\.\.\.)$/, ''));
}

const plain = (value: unknown): string => String(value).normalize('NFKC').replace(/\s+/g, ' ').trim();

const isUrl = (text: string): boolean => /^(?:https?|data):/i.test(text);
