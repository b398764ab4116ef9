/**
 * The facts a model is made of, and the check that they can be.
 */
import type { ModelDefinition } from './definition.js';
import { ConfigurationError } from '../core/errors/index.js';
import { toMilliDollars } from './pricing.js';
import { show, unknownOption } from '../core/messages.js';

/** The facts of a model, as its page gives them. */
export interface ModelFacts<
  Id extends string = string,
  Duration extends number = number,
  Sound extends boolean = boolean,
> {
  /** The id, which is also the path of its endpoint: `provider/model/variant`. */
  id: Id;
  /** The durations it makes, in whole seconds, ascending. A request that names none gets 5, or else the shortest. */
  durations: readonly Duration[];
  /** How many reference images it takes without a reference video. */
  images: number;
  /** How many reference images it takes beside a reference video: at most `images`. */
  imagesWithVideo: number;
  /** Whether it has the `sound` parameter. */
  sound: Sound;
  /** US dollars per second of video made: multiples of 0.0001. */
  price: {
    /** With image references only, or none. */
    images: number;
    /** With a reference video. */
    video: number;
  };
}

/** What a path's segment may be: nothing that leads elsewhere, and nothing to encode. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/;

const isWhole = (value: unknown, from: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= from;

function refuse(field: string, given: unknown, allowed: string): ConfigurationError {
  return new ConfigurationError(`defineModel: \`${field}\`: got ${show(given)}; expected ${allowed}.`);
}

const FACTS = ['id', 'durations', 'images', 'imagesWithVideo', 'sound', 'price'];

function refuseOthers(value: object, known: readonly string[], prefix: string): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw new ConfigurationError(`defineModel: ${prefix}${unknownOption(key, known)}`);
  }
}

/**
 * Checks the facts, and gives them as a definition that nobody can change later.
 *
 * @throws {ConfigurationError} for a fact that cannot be: which, what was given, what is allowed.
 */
export function readFacts(facts: ModelFacts): ModelDefinition {
  if (typeof facts !== 'object' || facts === null) {
    throw refuse(
      'facts',
      facts,
      'an object such as { id, durations, images, imagesWithVideo, sound, price }',
    );
  }
  refuseOthers(facts, FACTS, '');
  const { id, durations, images, imagesWithVideo, sound, price } = facts;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw refuse(
      'id',
      id,
      'the path of an endpoint, such as "kwaivgi/kling-video-o3-pro/reference-to-video"',
    );
  }
  if (!Array.isArray(durations) || durations.length === 0) {
    throw refuse('durations', durations, 'at least one whole number of seconds');
  }
  for (const [index, seconds] of durations.entries()) {
    const before: unknown = durations[index - 1];
    if (!isWhole(seconds, 1) || seconds > 3600) {
      throw refuse(`durations[${index}]`, seconds, 'a whole number of seconds from 1 to 3600');
    }
    if (typeof before === 'number' && seconds <= before) {
      throw refuse(`durations[${index}]`, seconds, `more than the ${before} before it`);
    }
  }
  if (!isWhole(images, 0)) throw refuse('images', images, 'a whole number, 0 or more');
  if (!isWhole(imagesWithVideo, 0) || imagesWithVideo > images) {
    throw refuse('imagesWithVideo', imagesWithVideo, `a whole number from 0 to ${images}, the limit of all`);
  }
  if (typeof sound !== 'boolean') throw refuse('sound', sound, 'true or false');
  if (typeof price !== 'object' || price === null) {
    throw refuse('price', price, 'US dollars per second, such as { images: 0.112, video: 0.168 }');
  }
  refuseOthers(price, ['images', 'video'], '`price`: ');
  const milliDollars = (reference: 'images' | 'video') => {
    const amount = toMilliDollars(price[reference]);
    if (amount !== undefined) return amount;
    const allowed = 'US dollars per second: above 0, at most 1000, a multiple of 0.0001';
    throw refuse(`price.${reference}`, price[reference], allowed);
  };
  return {
    id,
    durations: Object.freeze([...durations]),
    images,
    imagesWithVideo,
    sound,
    milliDollarsPerSecond: Object.freeze({ images: milliDollars('images'), video: milliDollars('video') }),
  };
}
