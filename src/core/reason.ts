/** Finds the words in a reason that the service gives: text, a list or an object, however nested. */

const WORD_FIELDS = [
  'message',
  'msg',
  'error',
  'errors',
  'error_message',
  'detail',
  'details',
  'reason',
  'failure_reason',
  'fail_reason',
  'description',
  'title',
];
/** Say which field a reason is about: FastAPI's and JSON:API's names. */
const PLACE_FIELDS = ['loc', 'field', 'param', 'path'];
const NO_REASON = /^(?:success|ok)?$/i;
const MAX_DEPTH = 5;
const MAX_CHARACTERS = 1000;

/** Returns the words of a reason; `''` if it has none. */
export function readReason(reason: unknown): string {
  return truncate(findWords(reason, MAX_DEPTH));
}

/** Returns the words of an object's own message fields, such as those of an error response; `''` if it has none. */
export function readMessageFields(object: Record<string, unknown>): string {
  return truncate(wordsOfFields(object, MAX_DEPTH));
}

function findWords(reason: unknown, depth: number): string {
  if (typeof reason === 'string') return reason.trim();
  if (typeof reason === 'number') return String(reason);
  if (typeof reason !== 'object' || reason === null || depth === 0) return '';
  if (Array.isArray(reason)) return join(reason.map((part) => findWords(part, depth - 1)));
  const fields = reason as Record<string, unknown>;
  const words = wordsOfFields(fields, depth);
  if (words !== '') return withPlace(fields, words);
  // Laravel's and others': { images: ["too small"] }.
  const named = Object.entries(fields).filter(([, value]) => typeof value !== 'number');
  const parts = named.map(([name, value]) => [name, findWords(value, depth - 1)] as const);
  const found = join(parts.filter(([, part]) => part !== '').map(([name, part]) => `${name}: ${part}`));
  if (found !== '') return found;
  return Object.keys(fields).length === 0 ? '' : toJson(fields);
}

function wordsOfFields(object: Record<string, unknown>, depth: number): string {
  return join(WORD_FIELDS.map((field) => findWords(object[field], depth - 1)));
}

function withPlace(fields: Record<string, unknown>, words: string): string {
  const place = PLACE_FIELDS.map((field) => fields[field]).find(
    (value) => typeof value === 'string' || Array.isArray(value),
  );
  if (place === undefined) return words;
  const text = Array.isArray(place) ? place.join('.') : String(place);
  return text === '' || words.includes(text) ? words : `${text}: ${words}`;
}

/** Leaves out what another part already says. */
function join(parts: string[]): string {
  const said = parts.filter((part) => !NO_REASON.test(part));
  return said.filter((part, index) => !isSaid(part, index, said)).join('; ');
}

function isSaid(part: string, index: number, parts: string[]): boolean {
  return parts.some(
    (other, at) => at !== index && other.includes(part) && (other.length > part.length || at < index),
  );
}

/** JSON of the service's value, cut for a message; `''` if it is nested more deeply than the engine can write. */
export function toJson(value: unknown, maxCharacters = MAX_CHARACTERS): string {
  try {
    return truncate(JSON.stringify(value), maxCharacters);
  } catch {
    return '';
  }
}

function truncate(text: string, maxCharacters = MAX_CHARACTERS): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters).trimEnd()}…` : text;
}
