/** The checks of `doctor` that compare the built-in models with the service: their fields, limits and prices. */
import type { ServiceModel, WaveSpeedKling } from '../index.js';
import { type DefinedModel, estimateCost, type ModelField, models } from '../schemas.js';
import { attempt, type Check } from './doctor-check.js';
import { interrupted } from './interrupt.js';

const listOf = (names: readonly string[]) => names.join(', ');

const nameOf = ({ shortName, id }: DefinedModel) => shortName ?? id;

export async function* modelChecks(kling: WaveSpeedKling): AsyncGenerator<Check, void, void> {
  let list: ServiceModel[] = [];
  const read = await attempt('models', async () => {
    list = await kling.listModels({ signal: interrupted });
    return { ok: list.length > 0, detail: `${list.length} at the service` };
  });
  yield read;
  const all = Object.values(models) as DefinedModel[];
  for (const model of read.ok ? all : []) yield compareFields(model, list);
  for (const model of all) yield* priceChecks(kling, model);
}

function compareFields(model: DefinedModel, list: readonly ServiceModel[]): Check {
  const check = `fields ${nameOf(model)}`;
  const listed = list.find(({ model_id }) => model_id === model.id);
  if (listed === undefined) return { check, ok: false, detail: 'the service does not list this model' };
  const properties = listed.api_schema?.api_schemas?.[0]?.request_schema?.['properties'];
  if (typeof properties !== 'object' || properties === null) {
    return { check, ok: false, detail: 'the service does not show its fields' };
  }
  const theirs = properties as Record<string, Record<string, unknown>>;
  const names = Object.keys(model.fields);
  const unknown = names.filter((name) => !Object.hasOwn(theirs, name));
  const missing = Object.keys(theirs).filter((name) => !names.includes(name));
  const limits = names.flatMap((name) => {
    const [ours, their] = [model.fields[name], theirs[name]];
    return ours === undefined || their === undefined ? [] : differences(name, ours, their);
  });
  const problems = [
    ...(unknown.length > 0 ? [`unknown there: ${listOf(unknown)}`] : []),
    ...(missing.length > 0 ? [`missing here: ${listOf(missing)}`] : []),
    ...limits,
  ];
  const detail = problems.length === 0 ? `${names.length} fields, as here` : problems.join('; ');
  return { check, ok: problems.length === 0, detail };
}

/** Only what the service says can differ: a limit that it does not list is none. */
function differences(name: string, ours: ModelField, theirs: Readonly<Record<string, unknown>>): string[] {
  const differs = (what: string, here: unknown, there: unknown) =>
    there === undefined || there === null || JSON.stringify(here) === JSON.stringify(there)
      ? []
      : [`${name}: ${what} ${JSON.stringify(there)} there, ${JSON.stringify(here) ?? 'none'} here`];
  const values = Array.isArray(theirs['enum']) ? (theirs['enum'] as unknown[]) : undefined;
  const sorted = (given: readonly unknown[] | undefined) => given && [...given].map(String).sort();
  const numbers = ours.type === 'integer' ? (ours.values ?? []).map(Number) : [];
  const range = numbers.length > 0 ? [Math.min(...numbers), Math.max(...numbers)] : [];
  const isRange = values === undefined && numbers.length > 0;
  return [
    ...differs('type', ours.type, theirs['type']),
    ...differs('at most', ours.maxItems, theirs['maxItems']),
    ...differs('values', sorted(ours.values), sorted(values)),
    ...(isRange ? differs('minimum', range[0], theirs['minimum']) : []),
    ...(isRange ? differs('maximum', range[1], theirs['maximum']) : []),
    ...(ours.default === undefined ? [] : differs('default', ours.default, theirs['default'])),
  ];
}

/** What the price may depend on: a video, and every value of every other field that the model takes alone. */
function variantsOf(model: DefinedModel): { name: string; input: Record<string, unknown>; video?: string }[] {
  const fields = Object.entries(model.fields);
  const video = fields.find(([, { media }]) => media === 'video')?.[0];
  const values = fields.flatMap(([name, field]) =>
    otherValues(field).map((value) => ({
      name: value === true ? ` with ${name}` : ` at ${value}`,
      input: { [name]: value },
    })),
  );
  return [
    { name: '', input: {} },
    ...(video === undefined ? [] : [{ name: ' with a video', input: {}, video }]),
    ...values.filter(({ input }) => model.inputSchema.safeParse({ ...QUOTED, ...input }).success),
  ];
}

/** Numbers are lengths: the price of each follows from one. */
function otherValues({ type, values = [], default: given }: ModelField): (string | true)[] {
  if (type === 'boolean') return given === true ? [] : [true];
  return values.filter((value) => typeof value === 'string' && value !== given) as string[];
}

const QUOTED = { prompt: 'A paper boat on a calm lake' };

async function* priceChecks(kling: WaveSpeedKling, model: DefinedModel): AsyncGenerator<Check, void, void> {
  for (const { name, input, video } of variantsOf(model)) {
    yield await attempt(`price ${nameOf(model)}${name}`, async () => {
      const clip = video === undefined ? undefined : await uploadClip(kling);
      const media =
        video === undefined ? {} : { [video]: model.fields[video]?.type === 'array' ? [clip] : clip };
      const given = { ...QUOTED, ...input, ...media };
      const ours = estimateCost(model, given);
      const { price, discounted_price } = await kling.quote(model, given, { signal: interrupted });
      const discount = discounted_price === price ? '' : `, $${discounted_price} for this account`;
      if (ours === undefined)
        return { ok: true, detail: `$${price} at the service, not known here${discount}` };
      return {
        ok: Math.abs(price - ours) < 0.00005,
        detail: `$${price} at the service, $${ours} here${discount}`,
      };
    });
  }
}

let clip: Blob | undefined;

/** A real one: the service measures it. Uploads are free, and the client uploads a Blob once. */
async function uploadClip(kling: WaveSpeedKling): Promise<string> {
  const { sampleVideo } = await import('../testing/index.js');
  clip ??= new Blob([Uint8Array.from(sampleVideo({ duration: 5 }))], { type: 'video/mp4' });
  return kling.upload(clip, { signal: interrupted });
}
