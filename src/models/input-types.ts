/** Types of an input: as the client accepts it, as the service does, and parsed. */
import type * as z from 'zod';
import type { Model, ModelId, ModelOf, Models } from './catalog.js';
import type { DefinedModel, ModelShape } from './defined-model.js';
import type { KlingO1 } from './kling-o1.js';
import type { KlingO3Std } from './kling-o3.js';
import type { Media, MediaUrl } from './media.js';

type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** A field as the client accepts it: with local media in place of URLs. */
type FieldInput<Schema> = Schema extends MediaUrl
  ? Media
  : Schema extends z.ZodDefault<infer Inner>
    ? FieldInput<Inner> | undefined
    : Schema extends z.ZodOptional<infer Inner>
      ? FieldInput<Inner> | undefined
      : Schema extends z.ZodArray<infer Item>
        ? Item extends MediaUrl
          ? readonly Media[]
          : z.input<Schema>
        : z.input<Schema>;

/** A field after its default was filled in. */
type FieldOutput<Schema> = Schema extends MediaUrl
  ? Media
  : Schema extends z.ZodDefault<infer Inner>
    ? Exclude<FieldOutput<Inner>, undefined>
    : Schema extends z.ZodOptional<infer Inner>
      ? FieldOutput<Inner> | undefined
      : Schema extends z.ZodArray<infer Item>
        ? Item extends MediaUrl
          ? Media[]
          : z.output<Schema>
        : z.output<Schema>;

type OptionalKeys<Shape extends ModelShape> = {
  [K in keyof Shape]: undefined extends z.input<Shape[K]> ? K : never;
}[keyof Shape];

// `Keys extends keyof Shape` keeps the documentation of each field; `as` would lose it.
type RequiredFields<Shape, Keys extends keyof Shape> = { [K in Keys]: FieldInput<Shape[K]> };
type OptionalFields<Shape, Keys extends keyof Shape> = { [K in Keys]?: FieldInput<Shape[K]> | undefined };
type OutputFields<Shape, Keys extends keyof Shape> = { [K in Keys]: FieldOutput<Shape[K]> };

type ShapeOf<M> = M extends DefinedModel<string, infer Shape, number | undefined> ? Shape : never;

type FieldOfFamily = { [Id in ModelId]: keyof ShapeOf<Models[Id]> }[ModelId];

/** Rejects other models' fields in a variable as well, where TypeScript does not check for undeclared properties. */
type WithoutOthers<Shape> = {
  /** Not supported by this model. */
  [Field in Exclude<FieldOfFamily, keyof Shape>]?: undefined;
};

type InputOf<Shape extends ModelShape> = string extends keyof Shape
  ? { prompt: string; [field: string]: unknown }
  : Simplify<
      RequiredFields<Shape, Exclude<keyof Shape, OptionalKeys<Shape>>> &
        OptionalFields<Shape, OptionalKeys<Shape>> &
        WithoutOthers<Shape>
    >;

type OutputOf<Shape extends ModelShape> = string extends keyof Shape
  ? { prompt: string; [field: string]: unknown }
  : OutputFields<Shape, keyof Shape>;

/** Input of a model as the client accepts it, by the model's id or the result of `defineModel`. */
export type ModelInput<M extends Model> = M extends Model ? InputOf<ShapeOf<ModelOf<M>>> : never;

/** The fields of a type, or of any type of a union; `keyof T` is what TypeScript can compare for a type parameter. */
type KeysOf<T> = keyof T | (T extends unknown ? keyof T : never);

/** The fields that a model does not have. */
export type UndeclaredFields<Input, Allowed> = {
  [Field in Exclude<KeysOf<Input>, KeysOf<Allowed>>]?: 'not a field of this model' | undefined;
};

/** Holds an input to the fields of its model: TypeScript lets undeclared ones of a variable pass. */
export type DeclaredInput<Input, Allowed> = [keyof Input] extends [KeysOf<Allowed>]
  ? Input
  : Allowed & UndeclaredFields<Input, Allowed>;

/** Result of `parseInput`: an input for the client with its defaults filled in. */
export type ParsedInput<M extends Model> = M extends Model
  ? ModelInput<M> &
      Pick<OutputOf<ShapeOf<ModelOf<M>>>, keyof OutputOf<ShapeOf<ModelOf<M>>> & keyof ModelInput<M>>
  : never;

/** Result of `estimateCost`. */
export type CostOf<M extends Model> = M extends Model
  ? ModelOf<M> extends DefinedModel<string, ModelShape, infer Cost>
    ? Cost
    : never
  : never;

/** Durations of Kling O1, in seconds. */
export type KlingO1Duration = KlingO1Params['duration'];
/** Durations of Kling O3 Standard, in seconds. */
export type KlingO3StdDuration = KlingO3StdParams['duration'];

/** Input of Kling O1 as the service accepts it: media are URLs. */
export interface KlingO1Input extends z.input<KlingO1['inputObject']> {}
/** Input of Kling O3 Standard as the service accepts it: media are URLs. */
export interface KlingO3StdInput extends z.input<KlingO3Std['inputObject']> {}
/** Parsed input of Kling O1: defaults filled in. */
export interface KlingO1Params extends z.output<KlingO1['inputObject']> {}
/** Parsed input of Kling O3 Standard: defaults filled in. */
export interface KlingO3StdParams extends z.output<KlingO3Std['inputObject']> {}

/** Input of Kling O1, as the client accepts it. */
export interface KlingO1MediaInput extends InputOf<ShapeOf<KlingO1>> {}
/** Input of Kling O3 Standard, as the client accepts it. */
export interface KlingO3StdMediaInput extends InputOf<ShapeOf<KlingO3Std>> {}
