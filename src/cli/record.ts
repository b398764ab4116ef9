/** Records the API's answers for `doctor --record`: one file an exchange, without secrets and personal data. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, EXIT } from './exit-codes.js';
import { AnswerRedactor } from './redact-answer.js';

/** What a file of a recording contains. */
export interface RecordedExchange {
  method: string;
  /** Without its query; ids are replaced by `id-1`, `id-2`, …. */
  path: string;
  status: number;
  contentType: string | null;
  body: unknown;
}

export class Recorder {
  readonly #directory: string;
  readonly #redactor: AnswerRedactor;
  readonly #send: typeof globalThis.fetch;
  readonly #written: Promise<void>[] = [];

  constructor(directory: string, apiKey: string, send: typeof globalThis.fetch) {
    this.#directory = directory;
    this.#redactor = new AnswerRedactor(apiKey);
    this.#send = send;
  }

  /** @throws {CommandError} if the directory has recordings already: two of them cannot be told apart. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const names = await readdir(this.#directory);
    if (!names.some((name) => name.endsWith('.json'))) return;
    throw new CommandError(`--record: ${this.#directory} has .json files; pass a new directory.`, EXIT.usage);
  }

  /** For the client's option `fetch`. Files of videos are not recorded. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await this.#send(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.pathname.includes('/api/v3/')) {
      const written = this.#record(init?.method ?? 'GET', url, response.clone());
      // Awaited by `close`, which reports it: the client has to get the answer in any case.
      written.catch(() => undefined);
      this.#written.push(written);
    }
    return response;
  };

  /** Resolves to the number of files; rejects if one could not be written. */
  async close(): Promise<number> {
    await Promise.all(this.#written);
    return this.#written.length;
  }

  async #record(method: string, url: URL, response: Response): Promise<void> {
    const number = String(this.#written.length + 1).padStart(3, '0');
    const path = this.#redactor.path(url);
    const exchange: RecordedExchange = {
      method,
      path: path.slice(path.indexOf('/api/v3/')),
      status: response.status,
      contentType: response.headers.get('content-type'),
      body: this.#redactor.body(url.pathname, await response.text()),
    };
    const name = `${number}-${method}-${exchange.path.slice('/api/v3/'.length).replace(/[^\w.-]+/g, '-')}.json`;
    await writeFile(join(this.#directory, name), `${JSON.stringify(exchange, null, 2)}\n`);
  }
}

/** A fetch through the proxy of the environment, as the command's other requests go. */
export async function proxiedFetch(): Promise<typeof globalThis.fetch> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  const send = (input: string, init: object) => fetch(input, { ...init, dispatcher });
  return send as unknown as typeof globalThis.fetch;
}
