/** Sorts the references of a call into images and a video, by content. */
import { InvalidInputError, type Media } from '../index.js';
import type { VideoCallOptions, VideoFile, Warning } from './types.js';

const VIDEO_EXTENSION = /\.(?:mp4|m4v|mov|avi|wmv|flv|webm|mkv|3gp|ogv)$/i;

/** Brands of the image formats that share their container with MP4 and MOV. */
const IMAGE_BRANDS = /^(?:hei[cxms]|hev[cxms]|mif1|msf1|avif|avis|crx )$/;

/**
 * One Blob per file: `generateVideo({ n: 3 })` passes the same file three times, and the client uploads a Blob once.
 */
const blobs = new WeakMap<VideoFile, Blob>();

export interface References {
  images: Media[];
  video: Media | undefined;
}

export function readReferences(modelId: string, options: VideoCallOptions, warnings: Warning[]): References {
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
  const videos = files.filter((file) => isVideo(file));
  if (videos.length > 1) {
    throw new InvalidInputError(modelId, [
      {
        path: ['inputReferences'],
        message: `inputReferences: got ${videos.length} videos; expected at most one`,
      },
    ]);
  }
  const images = files.filter((file) => !videos.includes(file)).map((file) => toMedia(file));
  return { images, video: videos[0] && toMedia(videos[0]) };
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
