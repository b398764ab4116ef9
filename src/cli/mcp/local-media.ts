/** Lets a tool use local files only below the allowed directories. */
import { realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Refusal } from './refusal.js';

export class LocalMedia {
  readonly #directories: readonly string[];

  /** @param directories Their real paths. */
  constructor(directories: readonly string[]) {
    this.#directories = directories;
  }

  /**
   * Returns the real path as a `file:` URL, or any other value as it is.
   *
   * @throws {Refusal} for a file that is not below an allowed directory.
   */
  async check(value: unknown): Promise<unknown> {
    if (typeof value !== 'string' || value === '' || /^(?:https?|data):/i.test(value)) return value;
    const path = await this.#resolve(value);
    const isAllowed =
      path !== undefined &&
      this.#directories.some((directory) => {
        const below = relative(directory, path);
        return below !== '' && below !== '..' && !below.startsWith(`..${sep}`) && resolve(below) !== below;
      });
    // The same words whether it exists or not.
    if (!isAllowed) throw new Refusal(`${value}: not a file that may be used. ${this.#next()}`);
    return pathToFileURL(path).href;
  }

  async #resolve(value: string): Promise<string | undefined> {
    try {
      return await realpath(/^file:/i.test(value) ? fileURLToPath(value) : resolve(value));
    } catch {
      return undefined;
    }
  }

  #next(): string {
    return this.#directories.length === 0
      ? 'Use a URL, or ask the user to start this server with --allow DIR.'
      : `Use a URL, or a file below ${this.#directories.join(' or ')}.`;
  }
}
