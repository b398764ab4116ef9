/**
 * What the service refuses of a submit. Lenient as a service is: an unknown field is dropped without a word.
 */
import { ASPECT_RATIOS, DEFAULTS, type ModelDefinition } from '../../models/registry.js';

/** A submit's fields with the defaults filled in, or why it is refused. */
export type Checked = { input: Record<string, unknown> } | { refused: string };

/** Tells whether a text is an http or https URL. */
export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
}

/** Takes `null` and `''` as left out: that is how forms and other languages say it. */
function given(body: Record<string, unknown>, field: string): unknown {
  const value = body[field];
  return value === null || value === '' ? undefined : value;
}

function checkBoolean(body: Record<string, unknown>, field: string): string | undefined {
  const value = given(body, field);
  return value === undefined || typeof value === 'boolean'
    ? undefined
    : `property '${field}' must be a boolean`;
}

function checkImages(images: unknown, limit: number, withVideo: boolean): string | undefined {
  if (!Array.isArray(images)) return "property 'images' must be an array";
  if (images.length > limit) {
    return `property 'images' must have at most ${limit} items${withVideo ? ' with a reference video' : ''}`;
  }
  for (const [index, image] of images.entries()) {
    if (typeof image !== 'string') return `property 'images[${index}]' must be a string`;
    if (!isHttpUrl(image) && !/^data:image\/[\w.+-]+;base64,/i.test(image)) {
      return `property 'images[${index}]' must be a URL`;
    }
  }
  return undefined;
}

/** Checks a submit's body against a model's data and fills in the page's defaults. */
export function checkSubmit(model: ModelDefinition, body: unknown): Checked {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { refused: 'the body must be a JSON object' };
  }
  const fields = body as Record<string, unknown>;
  const prompt = given(fields, 'prompt');
  if (prompt === undefined) return { refused: "property 'prompt' is required" };
  if (typeof prompt !== 'string') return { refused: "property 'prompt' must be a string" };
  if (prompt.trim() === '') return { refused: "property 'prompt' must not be blank" };

  const video = given(fields, 'video');
  if (video !== undefined) {
    if (typeof video !== 'string') return { refused: "property 'video' must be a string" };
    if (!isHttpUrl(video)) return { refused: "property 'video' must be a URL" };
  }

  const images = given(fields, 'images') ?? DEFAULTS.images;
  const wrongImages = checkImages(
    images,
    video === undefined ? model.images : model.imagesWithVideo,
    video !== undefined,
  );
  if (wrongImages !== undefined) return { refused: wrongImages };

  const wrongBoolean =
    checkBoolean(fields, 'keep_original_sound') ?? (model.sound ? checkBoolean(fields, 'sound') : undefined);
  if (wrongBoolean !== undefined) return { refused: wrongBoolean };

  const ratio = given(fields, 'aspect_ratio') ?? DEFAULTS.aspect_ratio;
  if (!(ASPECT_RATIOS as readonly unknown[]).includes(ratio)) {
    return { refused: `property 'aspect_ratio' must be one of ${ASPECT_RATIOS.join(', ')}` };
  }

  const duration = given(fields, 'duration') ?? DEFAULTS.duration;
  if (!(model.durations as readonly unknown[]).includes(duration)) {
    return { refused: `property 'duration' must be one of ${model.durations.join(', ')}` };
  }

  return {
    input: {
      prompt,
      ...(video === undefined ? {} : { video }),
      images: [...(images as unknown[])],
      keep_original_sound: given(fields, 'keep_original_sound') ?? DEFAULTS.keep_original_sound,
      ...(model.sound ? { sound: given(fields, 'sound') ?? DEFAULTS.sound } : {}),
      aspect_ratio: ratio,
      duration,
    },
  };
}

/** Says what a task costs, in thousandths of a US dollar; undefined for a duration the model does not make. */
export function priceOf(model: ModelDefinition, fields: Record<string, unknown>): number | undefined {
  const duration = given(fields, 'duration') ?? DEFAULTS.duration;
  if (typeof duration !== 'number' || !model.durations.includes(duration)) return undefined;
  const { images, video } = model.price;
  const perSecond = given(fields, 'video') === undefined ? images : video;
  return (duration * Math.round(perSecond * 10_000)) / 10;
}
