// docs/models.md holds the table of the models, made from their files: `UPDATE_DOCS=1` writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type DefinedModel, estimateCost, type ModelField, models } from 'wavespeed-kling/schemas';

const page = fileURLToPath(new URL('../../docs/models.md', import.meta.url));
const all = Object.values(models) as DefinedModel[];

function describe(field: ModelField | undefined): string {
  if (field === undefined) return '–';
  const { type, media, maxItems, values, isRequired, default: given } = field;
  if (type === 'array') return maxItems === undefined ? 'yes' : `up to ${maxItems}`;
  if (media !== undefined) return 'one';
  if (isRequired) return 'required';
  if (type === 'integer' && values !== undefined) {
    return `${Math.min(...values.map(Number))}–${Math.max(...values.map(Number))}, default ${String(given)}`;
  }
  const shown =
    given === undefined ? 'the service decides' : `default \`${JSON.stringify(given).replaceAll('"', '')}\``;
  return values === undefined ? shown : `${values.map((value) => `\`${value}\``).join(', ')}; ${shown}`;
}

/** US dollars per second of a task with nothing but a prompt, or with a video as well. */
function priceOf(model: DefinedModel, withVideo: boolean): string {
  const video = Object.keys(model.fields).find((name) => model.fields[name]?.media === 'video');
  if (withVideo && video === undefined) return '–';
  const media = model.fields[video ?? '']?.type === 'array' ? ['a video'] : 'a video';
  const cost = estimateCost(model, { duration: 5, ...(withVideo && { [video as string]: media }) } as object);
  return cost === undefined ? 'the service is asked' : `$${Number((cost / 5).toFixed(6))}`;
}

function table(): string {
  const names = [...new Set(all.flatMap(({ fields }) => Object.keys(fields)))];
  const rows: string[][] = [
    ['', ...all.map(({ shortName }) => `\`${shortName}\``)],
    ['---', ...all.map(() => '---')],
    ['name', ...all.map(({ name }) => name)],
    ['id `kwaivgi/…/reference-to-video`', ...all.map(({ id }) => `\`${id.split('/')[1]}\``)],
    ['fields read on its page', ...all.map(({ confirmed }) => (confirmed ? 'yes' : 'no: compared first'))],
    ...names.map((name) => [`\`${name}\``, ...all.map(({ fields }) => describe(fields[name]))]),
    ['per second, without a video', ...all.map((model) => priceOf(model, false))],
    ['per second, with a video', ...all.map((model) => priceOf(model, true))],
    [
      'rules',
      ...all.map(
        ({ rules }) => rules.map(({ fields, text }) => `\`${fields[0]}\`: ${text}`).join('; ') || '–',
      ),
    ],
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The formatter aligns columns. */
const plain = (text: string) => text.replace(/-{3,}/g, '---').replace(/ +/g, ' ');

test('docs/models.md shows every model as its file has it', () => {
  const text = readFileSync(page, 'utf8');
  const [start, end] = ['<!-- models -->', '<!-- /models -->'];
  const before = text.slice(0, text.indexOf(start) + start.length);
  const made = `${before}\n\n${table()}\n\n${text.slice(text.indexOf(end))}`;
  if (process.env.UPDATE_DOCS === '1') writeFileSync(page, made);
  expect(plain(text)).toBe(plain(made));
});
