/** Validates the config of a model. */
import { ConfigurationError } from '../core/errors/index.js';
import { formatValue, unknownOptionMessage } from '../utils/messages.js';
import type { ModelConfig } from './model-config.js';

/** Path segments that need no encoding and cannot leave the API's path. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/;

/** Upper bound for a plausible price, in US dollars per second. */
const MAX_PRICE = 1000;

const FIELDS = ['id', 'durations', 'images', 'imagesWithVideo', 'sound', 'price'];

const isInteger = (value: unknown, min: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= min;

const isPrice = (value: unknown): value is number =>
  typeof value === 'number' &&
  value > 0 &&
  value <= MAX_PRICE &&
  // The result of a calculation, such as 0.1 + 0.2, is not exactly a price.
  Math.round(value * 10_000) / 10_000 === value;

function invalid(field: string, given: unknown, expected: string): ConfigurationError {
  return new ConfigurationError(
    `defineModel: \`${field}\`: got ${formatValue(given)}; expected ${expected}.`,
  );
}

function checkFields(value: object, known: readonly string[], prefix: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new ConfigurationError(`defineModel: ${prefix}${unknownOptionMessage(unknown, known)}`);
}

function checkDurations(durations: unknown): asserts durations is number[] {
  if (!Array.isArray(durations) || durations.length === 0) {
    throw invalid('durations', durations, 'at least one whole number of seconds');
  }
  for (const [index, seconds] of durations.entries()) {
    const previous: unknown = durations[index - 1];
    if (!isInteger(seconds, 1) || seconds > 3600) {
      throw invalid(`durations[${index}]`, seconds, 'a whole number of seconds from 1 to 3600');
    }
    if (typeof previous === 'number' && seconds <= previous) {
      throw invalid(`durations[${index}]`, seconds, `more than the ${previous} before it`);
    }
  }
}

function checkPrice(price: unknown): asserts price is ModelConfig['price'] {
  if (typeof price !== 'object' || price === null) {
    throw invalid('price', price, 'US dollars per second, such as { images: 0.112, video: 0.168 }');
  }
  checkFields(price, ['images', 'video'], '`price`: ');
  const { images, video } = price as Record<string, unknown>;
  const expected = `US dollars per second: above 0, at most ${MAX_PRICE}, a multiple of 0.0001`;
  if (!isPrice(images)) throw invalid('price.images', images, expected);
  if (!isPrice(video)) throw invalid('price.video', video, expected);
}

/**
 * Returns a copy, so that later changes of the argument have no effect.
 *
 * @throws {ConfigurationError} that names the field, the value and what was expected.
 */
export function validateModelConfig(config: ModelConfig): ModelConfig {
  if (typeof config !== 'object' || config === null) {
    throw invalid('config', config, `an object such as { ${FIELDS.join(', ')} }`);
  }
  checkFields(config, FIELDS, '');
  const { id, durations, images, imagesWithVideo, sound, price } = config;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw invalid(
      'id',
      id,
      'the path of an endpoint, such as "kwaivgi/kling-video-o3-pro/reference-to-video"',
    );
  }
  checkDurations(durations);
  if (!isInteger(images, 0)) throw invalid('images', images, 'a whole number, 0 or more');
  if (!isInteger(imagesWithVideo, 0) || imagesWithVideo > images) {
    throw invalid('imagesWithVideo', imagesWithVideo, `a whole number from 0 to ${images} (\`images\`)`);
  }
  if (typeof sound !== 'boolean') throw invalid('sound', sound, 'true or false');
  checkPrice(price);
  return {
    id,
    durations: Object.freeze([...durations]),
    images,
    imagesWithVideo,
    sound,
    price: Object.freeze({ images: price.images, video: price.video }),
  };
}
