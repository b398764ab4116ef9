/** Finds the model of a command: by its name, or in a file. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDefinedModel } from '../inputs.js';
import type { DefinedModel, Model, ModelId } from '../schemas.js';
import { CommandError, EXIT } from './exit-codes.js';
import { EXPECTED_MODEL } from './options.js';

export async function loadModel(name: ModelId | undefined, file: string | undefined): Promise<Model> {
  if (file !== undefined && name !== undefined) {
    throw new CommandError('--model-file replaces the name of a model: give one of them.', EXIT.usage);
  }
  if (file !== undefined) return loadModelFile(file);
  if (name !== undefined) return name;
  throw new CommandError(`No model: ${EXPECTED_MODEL}, or --model-file.`, EXIT.usage);
}

/** @throws {CommandError} if its default export is not a model. */
export async function loadModelFile(file: string): Promise<DefinedModel> {
  const fail = (why: string) => new CommandError(`--model-file ${file}: ${why}`, EXIT.usage);
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?$/.test(file)) {
      throw fail(
        `Node ${process.versions.node} cannot load TypeScript; use Node 22.18 or later, or compile the file to JavaScript.`,
      );
    }
    throw fail(`cannot be loaded (${message ?? String(error)})`);
  }
  const { default: exported } = loaded;
  // Compiled to CommonJS, the module itself is the default.
  const model = isDefinedModel(exported)
    ? exported
    : (exported as { default?: unknown } | undefined)?.default;
  if (isDefinedModel(model)) return model;
  throw fail('its default export is not a model made by defineModel');
}
