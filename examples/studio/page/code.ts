/** The TypeScript and the command line that make the same video again. */
import { KLING_O1, KLING_O3_STD } from 'wavespeed-kling/schemas';
import type { Reference, StudioInput } from '../shared/types.js';

const CONSTANTS: Record<string, string> = { [KLING_O1]: 'KLING_O1', [KLING_O3_STD]: 'KLING_O3_STD' };
const SHORT_NAMES: Record<string, string> = { [KLING_O1]: 'o1', [KLING_O3_STD]: 'o3-std' };

/** Writes a text as a string of TypeScript. */
const quoted = (text: string) =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

/** Writes a text as one word of a POSIX shell. */
const shellWord = (text: string) =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

export function toTypeScript(model: string, input: StudioInput): string {
  const references = [...input.images, ...(input.video ? [input.video] : [])];
  const hasFiles = references.some((reference) => 'file' in reference);
  const media = (reference: Reference) =>
    'file' in reference ? `pathToFileURL(${quoted(reference.name)})` : quoted(reference.url);
  const constant = CONSTANTS[model];
  const fields = [
    `prompt: ${quoted(input.prompt)},`,
    input.images.length > 0 && `images: [${input.images.map(media).join(', ')}],`,
    input.video && `video: ${media(input.video)},`,
    input.keep_original_sound === false && 'keep_original_sound: false,',
    input.sound === true && 'sound: true,',
    `aspect_ratio: ${quoted(input.aspect_ratio)},`,
    `duration: ${input.duration},`,
  ];
  return [
    hasFiles && "import { pathToFileURL } from 'node:url';",
    `import { ${constant === undefined ? '' : `${constant}, `}WaveSpeedKling } from 'wavespeed-kling';`,
    '',
    'const kling = new WaveSpeedKling();',
    `const video = await kling.run(${constant ?? quoted(model)}, {`,
    ...fields.filter((field) => typeof field === 'string').map((field) => `  ${field}`),
    '});',
    "await kling.download(video, './out/');",
  ]
    .filter((line) => line !== false)
    .join('\n');
}

export function toCommand(model: string, input: StudioInput): string {
  const media = (reference: Reference) => shellWord('file' in reference ? reference.name : reference.url);
  const parts = [
    `npx wavespeed-kling run ${SHORT_NAMES[model] ?? shellWord(model)}`,
    `-p ${shellWord(input.prompt)}`,
    ...input.images.map((image) => `--image ${media(image)}`),
    input.video && `--video ${media(input.video)}`,
    input.keep_original_sound === false && '--no-keep-original-sound',
    input.sound === true && '--sound',
    `--aspect-ratio ${input.aspect_ratio}`,
    `--duration ${input.duration}`,
    '-o out',
  ];
  return parts.filter((part) => typeof part === 'string').join(' \\\n  ');
}
