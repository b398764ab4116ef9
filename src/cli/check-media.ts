/** Checks local images and videos by their content and size, as the client will before it uploads them. */
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InputIssue, InvalidInputError } from '../index.js';
import { checkFile, type DefinedModel, type MediaKind } from '../schemas.js';

/** Remembers the files that it has seen: rows often share them. */
export class MediaChecker {
  readonly #problems = new Map<string, Promise<string | undefined>>();

  /** @throws {InvalidInputError} that names the field of each file that the service would not take. */
  async check(model: DefinedModel, input: object): Promise<void> {
    const issues: InputIssue[] = [];
    const values = input as Record<string, unknown>;
    for (const [name, { media }] of Object.entries(model.fields)) {
      const value = values[name];
      if (media === undefined) continue;
      const items: unknown[] = Array.isArray(value) ? value : [value];
      for (const [index, item] of items.entries()) {
        if (!(item instanceof URL) || item.protocol !== 'file:') continue;
        const problem = await this.#problemOf(item, media);
        const path = Array.isArray(value) ? [name, index] : [name];
        const field = Array.isArray(value) ? `${name}[${index}]` : name;
        if (problem !== undefined) issues.push({ path, message: `${field}: ${problem}` });
      }
    }
    if (issues.length > 0) throw new InvalidInputError(model.id, issues);
  }

  #problemOf(file: URL, kind: MediaKind): Promise<string | undefined> {
    const name = `${kind} ${file.href}`;
    const problem = this.#problems.get(name) ?? findProblem(file, kind);
    this.#problems.set(name, problem);
    return problem;
  }
}

async function findProblem(file: URL, kind: MediaKind): Promise<string | undefined> {
  const path = fileURLToPath(file);
  try {
    await checkFile(new File([await openAsBlob(path)], basename(path)), kind);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^.*?\bfile: /s, '');
  }
}
