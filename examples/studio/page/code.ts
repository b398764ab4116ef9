/** The TypeScript and the command line that make the same video again. */
import { isModelId, type ModelFields, models } from 'wavespeed-kling/schemas';
import { isReference, referencesOf } from '../shared/references.js';
import type { FieldValue, Reference, StudioInput } from '../shared/types.js';

/** Writes a text as a string of TypeScript. */
const quoted = (text: string) =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

/** Writes a text as one word of a POSIX shell. */
const shellWord = (text: string) =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

const fieldsOf = (model: string): ModelFields => (isModelId(model) ? models[model].fields : {});

/** The fields that say something: a default need not be written. */
function givenFields(model: string, input: StudioInput): [string, FieldValue][] {
  const fields = fieldsOf(model);
  return Object.entries(input).flatMap(([name, value]): [string, FieldValue][] => {
    if (name === 'prompt') return [];
    const isEmpty = Array.isArray(value) && value.length === 0;
    return value === undefined || isEmpty || value === fields[name]?.default ? [] : [[name, value]];
  });
}

function toSource(value: FieldValue): string {
  if (Array.isArray(value)) return `[${value.map(toSource).join(', ')}]`;
  if (!isReference(value)) return typeof value === 'string' ? quoted(value) : String(value);
  return 'file' in value ? `pathToFileURL(${quoted(value.name)})` : quoted(value.url);
}

export function toTypeScript(model: string, input: StudioInput): string {
  const hasFiles = referencesOf(input).some(({ reference }) => 'file' in reference);
  const fields = givenFields(model, input).map(([name, value]) => `  ${name}: ${toSource(value)},`);
  return [
    ...(hasFiles ? ["import { pathToFileURL } from 'node:url';"] : []),
    "import { WaveSpeedKling } from 'wavespeed-kling';",
    '',
    'const kling = new WaveSpeedKling();',
    `const video = await kling.run(${quoted(model)}, {`,
    `  prompt: ${quoted(input.prompt)},`,
    ...fields,
    '});',
    "await kling.download(video, './out/');",
  ].join('\n');
}

export function toCommand(model: string, input: StudioInput): string {
  const short = isModelId(model) ? models[model].shortName : undefined;
  const file = (reference: Reference) => ('file' in reference ? reference.name : reference.url);
  const fields = givenFields(model, input).flatMap(([name, value]) => {
    const flag = name.replaceAll('_', '-');
    if (typeof value === 'boolean') return [value ? `--${flag}` : `--no-${flag}`];
    if (typeof value !== 'object') return [`--${flag} ${shellWord(String(value))}`];
    const kind = fieldsOf(model)[name]?.media ?? flag;
    return [value].flat().map((reference) => `--${kind} ${shellWord(file(reference))}`);
  });
  return [
    `npx wavespeed-kling run ${short ?? shellWord(model)}`,
    `-p ${shellWord(input.prompt)}`,
    ...fields,
    '-o out',
  ].join(' \\\n  ');
}
