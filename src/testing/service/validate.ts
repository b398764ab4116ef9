/** Validates submits as the service does: unknown fields are ignored. */
import type { DefinedModel } from '../../models/defined-model.js';
import { estimateCost } from '../../models/estimate-cost.js';
import { ASPECT_RATIOS, DEFAULTS, defaultDuration, type ModelConfig } from '../../models/model-config.js';

export interface Rejection {
  message: string;
  code: number;
}

export type Checked = { input: Record<string, unknown> } | { rejection: Rejection };

export const MISSING_PARAMETER = 1400;
export const INVALID_PARAMETER = 1401;

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

function checkBoolean(body: Record<string, unknown>, field: string): string | undefined {
  const value = given(body, field);
  return value === undefined || typeof value === 'boolean'
    ? undefined
    : `property '${field}' must be a boolean`;
}

function checkVideo(video: unknown): string | undefined {
  if (video === undefined) return undefined;
  if (typeof video !== 'string') return "property 'video' must be a string";
  return isHttpUrl(video) ? undefined : "property 'video' must be a URL";
}

function checkOneOf(field: string, value: unknown, allowed: readonly unknown[]): string | undefined {
  return allowed.includes(value) ? undefined : `property '${field}' must be one of ${allowed.join(', ')}`;
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

function missing(field: string): { rejection: Rejection } {
  return { rejection: { message: `property '${field}' is required`, code: MISSING_PARAMETER } };
}

function invalid(message: string): { rejection: Rejection } {
  return { rejection: { message, code: INVALID_PARAMETER } };
}

export function checkSubmit(model: ModelConfig, body: unknown): Checked {
  const fields = asFields(body);
  if (fields === undefined) return invalid('the body must be a JSON object');
  const prompt = given(fields, 'prompt');
  if (prompt === undefined) return missing('prompt');
  if (typeof prompt !== 'string') return invalid("property 'prompt' must be a string");
  if (prompt.trim() === '') return invalid("property 'prompt' must not be blank");

  const video = given(fields, 'video');
  const images = given(fields, 'images') ?? DEFAULTS.images;
  const ratio = given(fields, 'aspect_ratio') ?? DEFAULTS.aspect_ratio;
  const duration = given(fields, 'duration') ?? defaultDuration(model.durations);
  const wrong =
    checkVideo(video) ??
    checkImages(images, video === undefined ? model.images : model.imagesWithVideo, video !== undefined) ??
    checkBoolean(fields, 'keep_original_sound') ??
    (model.sound ? checkBoolean(fields, 'sound') : undefined) ??
    checkOneOf('aspect_ratio', ratio, ASPECT_RATIOS) ??
    checkOneOf('duration', duration, model.durations);
  if (wrong !== undefined) return invalid(wrong);

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

export function priceOf(model: DefinedModel, fields: Record<string, unknown>): number | undefined {
  const duration = given(fields, 'duration') ?? defaultDuration(model.durations);
  if (typeof duration !== 'number' || !model.durations.includes(duration)) return undefined;
  const video = given(fields, 'video');
  return estimateCost(model, { duration, ...(typeof video === 'string' ? { video } : {}) });
}
