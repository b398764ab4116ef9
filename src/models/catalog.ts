/**
 * The two models' facts, and how a model is found by what a caller passes. Without zod: prices need none of it.
 */
import type { DefinedModel } from './define-model.js';
import { KLING_O1, KLING_O3_STD, type ModelDefinition } from './definition.js';
import { InvalidInputError } from '../core/errors/index.js';
import { readFacts } from './validate-definition.js';
import { didYouMean, show } from '../core/messages.js';

/**
 * Lists the facts by id. Source: the models' pages; the O1 page prints only "Max 7" images, its later
 * edition and Kling's own API both reduce it to 4 beside a reference video.
 */
export const FACTS = /* @__PURE__ */ (() =>
  ({
    [KLING_O1]: {
      id: KLING_O1,
      durations: [3, 4, 5, 6, 7, 8, 9, 10],
      images: 7,
      imagesWithVideo: 4,
      sound: false,
      price: { images: 0.112, video: 0.168 },
    },
    [KLING_O3_STD]: {
      id: KLING_O3_STD,
      durations: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
      images: 7,
      imagesWithVideo: 4,
      sound: true,
      price: { images: 0.084, video: 0.126 },
    },
  }) as const)();

/** The id of a model this library knows. */
export type ModelId = keyof typeof FACTS;

/** What a call takes as its model: an id, or what `defineModel` made. */
export type Model = ModelId | DefinedModel;

/** Tells whether a value is the id of a known model. */
export function isModelId(value: unknown): value is ModelId {
  return typeof value === 'string' && Object.hasOwn(FACTS, value);
}

/** Marks a model, so that one made by another loaded copy of this library is known as well. */
export const MARK = /* @__PURE__ */ Symbol.for('wavespeed-kling.model');

/** Tells whether a value is a model made by `defineModel`, by this loaded copy of the library or another. */
export function isDefinedModel(value: unknown): value is DefinedModel {
  return typeof value === 'object' && value !== null && MARK in value;
}

/** @throws {InvalidInputError} always: says what is no model, and the id that may have been meant. */
export function refuseModel(model: unknown): never {
  const known = Object.keys(FACTS);
  const meant = typeof model === 'string' ? didYouMean(model, known) : undefined;
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new InvalidInputError(typeof model === 'string' ? model : 'an unknown model', [
    {
      path: ['model'],
      message: `model: got ${show(model)}; expected one of ${known.join(', ')}, or a model made by defineModel${hint}`,
    },
  ]);
}

/**
 * Finds what describes a model: by its id, or in what `defineModel` made.
 *
 * @throws {InvalidInputError} for anything else, with the id that may have been meant.
 */
export function findDefinition(model: unknown): ModelDefinition {
  if (isModelId(model)) return readFacts(FACTS[model]);
  return isDefinedModel(model) ? model : refuseModel(model);
}
