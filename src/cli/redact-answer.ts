/** Removes secrets and personal data from an answer of the API, and keeps its shape. */
import { type ModelFields, models } from '../schemas.js';
import { SPEND_INPUT } from './doctor-input.js';

/** Members whose text is kept. Any other text is replaced: what is not known to be harmless stays out of a recording. */
const KEPT = new Set([
  'model',
  'model_id',
  'status',
  'type',
  'created_at',
  'updated_at',
  'executed_at',
  'currency',
  // Fields of a model that take one of a few words.
  ...Object.values(models).flatMap(({ fields }) =>
    Object.entries(fields as ModelFields).flatMap(([name, { values }]) =>
      values === undefined ? [] : [name],
    ),
  ),
]);

const REDACTED = 'redacted';

export class AnswerRedactor {
  readonly #ids = new Map<string, string>();
  readonly #apiKey: string;

  constructor(apiKey: string) {
    this.#apiKey = apiKey;
  }

  /** The path without its query, and with the id of a task replaced. */
  path({ pathname }: URL): string {
    return pathname.replace(
      /(\/predictions\/)([^/]+)/,
      (_, before: string, id: string) => before + this.#id(id),
    );
  }

  /** `path` as requested: the list of models is public, and kept as far as it is about Kling. */
  body(path: string, text: string): unknown {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return 'not JSON';
    }
    const answer = path.endsWith('/api/v3/models') ? ofKling(body) : this.#value('', body);
    const written = withoutQueries(JSON.stringify(answer));
    return JSON.parse(written.replaceAll(this.#apiKey, REDACTED));
  }

  #value(name: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#value(name, item));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, member]) => [key, this.#value(key, member)]),
      );
    }
    if (typeof value === 'number') return name === 'balance' || /id$/i.test(name) ? 1 : value;
    return typeof value === 'string' ? this.#text(name, value) : value;
  }

  #text(name: string, text: string): string {
    if (text === '' || KEPT.has(name) || text === SPEND_INPUT.prompt) return text;
    if (name === 'message' && text === 'success') return text;
    if (/^(?:id|uuid|\w+_id)$/i.test(name)) return this.#id(text);
    if (name === 'secret') return 'whsec_cmVkYWN0ZWQ=';
    if (/^https?:/i.test(text) && URL.canParse(text)) return this.#url(new URL(text));
    return REDACTED;
  }

  /** Where a result is read stays; where a file lies does not. */
  #url(url: URL): string {
    if (url.pathname.includes('/api/v3/predictions/')) return `${url.origin}${this.path(url)}`;
    return `https://cdn.invalid/${REDACTED}${/\.\w{2,4}$/.exec(url.pathname)?.[0] ?? ''}`;
  }

  #id(id: string): string {
    const known = this.#ids.get(id) ?? `id-${this.#ids.size + 1}`;
    this.#ids.set(id, known);
    return known;
  }
}

function ofKling(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('data' in body) || !Array.isArray(body.data)) return {};
  const data = body.data.filter((item) => String(item?.model_id).startsWith('kwaivgi/'));
  return { ...body, data };
}

const withoutQueries = (json: string): string => json.replace(/(https?:\/\/[^\s"?]*)\?[^\s"]*/gi, '$1');
