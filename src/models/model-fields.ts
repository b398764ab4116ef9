/** What forms, command-line flags and checks need to know of a model's fields, read from its schema. */
import type * as z from 'zod';
import type { JsonSchemaField } from './json-schema.js';
import { type MediaKind, mediaKindOf } from './media.js';

/** A field of a model. */
export interface ModelField {
  /** JSON type of the value: `string`, `boolean`, `integer`, `array`, …; undefined if it has several. */
  readonly type: string | undefined;
  /** Kind of the media that it takes: one, or a list if `type` is `array`. */
  readonly media: MediaKind | undefined;
  /** Maximum number of items of a list. */
  readonly maxItems: number | undefined;
  /** Allowed values, if they are few. */
  readonly values: readonly (string | number)[] | undefined;
  /** Value of an absent field. */
  readonly default: unknown;
  readonly isRequired: boolean;
  readonly description: string;
}

/** The fields of a model by name, in the order of its definition. */
export type ModelFields = Readonly<Record<string, ModelField>>;

export function describeFields(
  shape: Readonly<Record<string, z.ZodType>>,
  properties: Readonly<Record<string, JsonSchemaField>>,
  required: readonly string[],
): ModelFields {
  const fields = Object.entries(shape).map(([name, schema]): [string, ModelField] => {
    const json = properties[name] ?? {};
    const { type, maxItems, description = '' } = json;
    return [
      name,
      Object.freeze({
        type: typeof type === 'string' ? type : undefined,
        media: mediaKindOf(schema)?.kind,
        maxItems: typeof maxItems === 'number' ? maxItems : undefined,
        values: valuesOf(json),
        default: json.default,
        isRequired: required.includes(name),
        description,
      }),
    ];
  });
  return Object.freeze(Object.fromEntries(fields));
}

function valuesOf(json: JsonSchemaField): (string | number)[] | undefined {
  const values = Array.isArray(json['enum']) ? json['enum'] : 'const' in json ? [json['const']] : [];
  const known = values.filter((value) => typeof value === 'string' || typeof value === 'number');
  return known.length > 0 && known.length === values.length ? known : undefined;
}
