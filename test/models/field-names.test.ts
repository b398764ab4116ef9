// Whatever names a field of a model outside of src/models/ would have to change with it: each such place is listed here.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type DefinedModel, models } from 'wavespeed-kling/schemas';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['src', 'examples/studio/page', 'examples/studio/server', 'examples/studio/shared'];

/** The files that may name fields, and why. */
const REASONS: Record<string, string> = {
  'examples/studio/server/main.ts': 'a folder of videos',
  'src/ai-sdk/call-options.ts': 'the table of the settings of `ai`: which field each of them is',
  'src/ai-sdk/sibling-calls.ts': 'settings of `ai`, not fields',
  'src/cli/model-source.ts': 'guesses what the fields of an unknown model are by their names',
  'src/testing/service/prices.ts': 'the made-up price is for each second',
  'src/testing/service/sample-video.ts':
    'the videos of the emulator have the length and shape that was asked for',
};

const names = Object.values(models).flatMap((model) => Object.keys((model as DefinedModel).fields));
const any = [...new Set(names)].filter((name) => name !== 'prompt').join('|');

/** In a string or as a property: not the English word in a comment or a message. */
const pattern = new RegExp(
  `['"](?:${any})['"]|\\b(?:input|fields|values|body|parsed|given)\\??\\.(?:${any})\\b`,
);

/** The kinds of media, which some fields are named after. */
const KINDS = /'(?:image|video|audio)'/g;

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:ts|html)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => !file.startsWith('src/models/'));
}

test('no room but src/models/ names a field of a model, except where there is a reason', () => {
  const named = FOLDERS.flatMap(filesOf).filter((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line))
      .some((line) => pattern.test(line.replaceAll(KINDS, ''))),
  );
  expect(named.toSorted()).toEqual(Object.keys(REASONS).toSorted());
});
