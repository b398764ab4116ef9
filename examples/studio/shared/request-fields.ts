/** The request's fields as the schemas take them: where a file is still to be uploaded, a URL stands in its place. */
import type { Reference, StudioInput } from './types.js';

const urlOf = (reference: Reference) =>
  'file' in reference ? `https://studio.invalid/${encodeURIComponent(reference.file)}` : reference.url;

export function toRequestFields({ images, video, ...fields }: StudioInput): Record<string, unknown> {
  return { ...fields, images: images.map(urlOf), ...(video && { video: urlOf(video) }) };
}
