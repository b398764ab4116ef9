/** Sorts the references of a call into images and a video, by content. */
import { InvalidInputError, type Media } from '../index.js';
import type { ModelFields } from '../schemas.js';
import type { VideoCallOptions, VideoFile, Warning } from './types.js';

const VIDEO_EXTENSION = /\.(?:mp4|m4v|mov|avi|wmv|flv|webm|mkv|3gp|ogv)$/i;

/** Brands of the image formats that share their container with MP4 and MOV. */
const IMAGE_BRANDS = /^(?:hei[cxms]|hev[cxms]|mif1|msf1|avif|avis|crx )$/;

/**
 * One Blob per file: `generateVideo({ n: 3 })` passes the same file three times, and the client uploads a Blob once.
 */
const blobs = new WeakMap<VideoFile, Blob>();

/** Sorts the references into the model's fields by what they are; validation refuses those that it has no field for. */
export function readReferences(
  modelId: string,
  fields: ModelFields,
  options: VideoCallOptions,
  warnings: Warning[],
): Record<string, Media | Media[]> {
  const { image, frameImages = [], inputReferences = [] } = options;
  const frames = frameImages.map((frame) => frame.image);
  if (frames.length > 0) {
    warnings.push({
      type: 'compatibility',
      feature: 'frameImages',
      details: 'The model takes references, not frames: each frame image is used as a reference image.',
    });
  }
  // ai passes the first frame as `image` as well.
  const start = image === undefined || frames.includes(image) ? [] : [image];
  const files = [...start, ...inputReferences, ...frames];
  const input: Record<string, Media | Media[]> = {};
  const sorted = new Map<string, VideoFile[]>();
  const takesAudio = Object.values(fields).some(({ media }) => media === 'audio');
  for (const file of files) {
    const kind = takesAudio && isAudio(file) ? 'audio' : isVideo(file) ? 'video' : 'image';
    sorted.set(kind, [...(sorted.get(kind) ?? []), file]);
  }
  for (const [kind, found] of sorted) {
    const own = Object.entries(fields).filter(([, { media }]) => media === kind);
    const list = own.find(([, { type }]) => type === 'array');
    const [single] = own;
    // A model that is not known is refused by the client.
    if (list !== undefined || single === undefined) {
      input[list?.[0] ?? `${kind}s`] = found.map(toMedia);
    } else if (found.length > 1) {
      const message = `inputReferences: got ${found.length} ${kind}s; expected at most one`;
      throw new InvalidInputError(modelId, [{ path: ['inputReferences'], message }]);
    } else if (found[0] !== undefined) {
      input[single[0]] = toMedia(found[0]);
    }
  }
  return input;
}

const AUDIO_EXTENSION = /\.(?:mp3|wav|ogg|oga|opus|aac|flac|m4a|weba)$/i;

function isAudio(file: VideoFile): boolean {
  if (file.type === 'file') return isAudioContent(toBytes(file.data));
  if (file.mediaType !== undefined) return file.mediaType.startsWith('audio/');
  return URL.canParse(file.url) && AUDIO_EXTENSION.test(new URL(file.url).pathname);
}

/** Containers of both are audio where they name no codec of a video. */
function isAudioContent(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.subarray(0, 65_536)).toString('latin1');
  if (/^(?:ID3|\xff[\xe0-\xff]|fLaC)/.test(text) || /^RIFF....WAVE/s.test(text)) return true;
  if (/^....ftypM4[AB] /s.test(text)) return true;
  if (text.startsWith('OggS')) return !text.includes('\x80theora') && !text.includes('\x01video');
  return (
    text.startsWith('\x1a\x45\xdf\xa3') && /A_(?:OPUS|VORBIS)/.test(text) && !/V_(?:VP8|VP9|AV1)/.test(text)
  );
}

/** Checks the bytes: ai 7 detects WebM as audio, and ai 6 detects HEIC as video. */
function isVideo(file: VideoFile): boolean {
  if (file.type === 'file') return isVideoContent(toBytes(file.data));
  if (file.mediaType !== undefined) return file.mediaType.startsWith('video/');
  return URL.canParse(file.url) && VIDEO_EXTENSION.test(new URL(file.url).pathname);
}

function isVideoContent(bytes: Uint8Array): boolean {
  const text = (start: number, length = 4) => String.fromCharCode(...bytes.subarray(start, start + length));
  if (text(4) === 'ftyp') return !IMAGE_BRANDS.test(text(8));
  return (
    (text(0) === 'RIFF' && text(8) === 'AVI ') || // AVI
    text(0) === '\x1a\x45\xdf\xa3' || // WebM, MKV
    text(0) === 'OggS' || // OGV
    text(0, 3) === 'FLV' || // FLV
    text(0) === '\x30\x26\xb2\x75' || // WMV
    ['moov', 'mdat', 'wide', 'free'].includes(text(4)) // MOV without a brand
  );
}

function toMedia(file: VideoFile): Media {
  if (file.type === 'url') return file.url;
  const blob = blobs.get(file) ?? new Blob([Uint8Array.from(toBytes(file.data))]);
  blobs.set(file, blob);
  return blob;
}

function toBytes(data: string | Uint8Array): Uint8Array {
  if (typeof data !== 'string') return data;
  // Also the variant for URLs.
  const binary = atob(data.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
