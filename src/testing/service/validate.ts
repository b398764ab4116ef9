/** Validates submits as the service does: by the model's fields; unknown ones are ignored. */
import type { DefinedModel } from '../../models/defined-model.js';
import type { ModelField } from '../../models/model-fields.js';

export interface Rejection {
  message: string;
  code: number;
}

export type Checked = { input: Record<string, unknown> } | { rejection: Rejection };

export const MISSING_PARAMETER = 1400;
export const INVALID_PARAMETER = 1401;
const UNREADABLE_MEDIA = 4006;

/** No host has such a name (RFC 2606). */
const NO_HOST = '.invalid';

export function asFields(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
}

/** `null` and `''` count as absent: forms and other languages send them. */
function given(body: Record<string, unknown>, field: string): unknown {
  const value = body[field];
  return value === null || value === '' ? undefined : value;
}

function checkMedium(name: string, value: unknown, kind: ModelField['media']): string | undefined {
  if (typeof value !== 'string') return `property '${name}' must be a string`;
  const isData = kind === 'image' && /^data:image\/[\w.+-]+;base64,/i.test(value);
  return isData || isHttpUrl(value) ? undefined : `property '${name}' must be a URL`;
}

function checkValue(name: string, value: unknown, field: ModelField): string | undefined {
  const { type, media, maxItems, values } = field;
  if (type === 'array') {
    if (!Array.isArray(value)) return `property '${name}' must be an array`;
    if (maxItems !== undefined && value.length > maxItems) {
      return `property '${name}' must have at most ${maxItems} items`;
    }
    if (media === undefined) return undefined;
    const wrong = value.map((item, index) => checkMedium(`${name}[${index}]`, item, media));
    return wrong.find((message) => message !== undefined);
  }
  if (media !== undefined) return checkMedium(name, value, media);
  if (values !== undefined) {
    const isAllowed = (values as readonly unknown[]).includes(value);
    return isAllowed ? undefined : `property '${name}' must be one of ${values.join(', ')}`;
  }
  if (type === 'boolean' || type === 'string') {
    if (typeof value !== type) return `property '${name}' must be a ${type}`;
    return value === '' || (typeof value === 'string' && value.trim() === '')
      ? `property '${name}' must not be blank`
      : undefined;
  }
  return undefined;
}

function invalid(message: string): { rejection: Rejection } {
  return { rejection: { message, code: INVALID_PARAMETER } };
}

/** Reads the fields that the model declares, and fills in the defaults. */
function readFields(model: DefinedModel, body: Record<string, unknown>, needsAll: boolean): Checked {
  const input: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(model.fields)) {
    const value = given(body, name) ?? field.default;
    if (value === undefined) {
      if (!field.isRequired || !needsAll) continue;
      return { rejection: { message: `property '${name}' is required`, code: MISSING_PARAMETER } };
    }
    const wrong = checkValue(name, value, field);
    if (wrong !== undefined) return invalid(wrong);
    input[name] = Array.isArray(value) ? [...(value as unknown[])] : value;
  }
  return { input };
}

export function checkSubmit(model: DefinedModel, body: unknown): Checked {
  const fields = asFields(body);
  if (fields === undefined) return invalid('the body must be a JSON object');
  const read = readFields(model, fields, true);
  if ('rejection' in read) return read;
  for (const rule of model.rules) {
    if (rule.check(read.input, model.fields) !== undefined) {
      return invalid(`property '${rule.fields[0]}': ${rule.text}`);
    }
  }
  return read;
}

/**
 * Reads the inputs of a price request: any field may be absent. The service measures the media, so that a made-up URL
 * fails; here one whose host cannot exist does.
 */
export function checkPriced(model: DefinedModel, inputs: unknown): Checked {
  const read = readFields(model, asFields(inputs) ?? {}, false);
  if ('rejection' in read) return read;
  for (const [name, { media }] of Object.entries(model.fields)) {
    if (media === undefined) continue;
    const urls = [read.input[name] ?? []].flat() as string[];
    const bad = urls.find((url) => URL.canParse(url) && new URL(url).hostname.endsWith(NO_HOST));
    if (bad === undefined) continue;
    const message = `property '${name}': the length or size of ${bad} could not be read`;
    return { rejection: { message, code: UNREADABLE_MEDIA } };
  }
  return read;
}
