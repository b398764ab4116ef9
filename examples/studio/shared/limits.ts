/** The service's limits on files, and how long it keeps what it has. Source: WaveSpeed's documentation. */

const MB = 1024 * 1024;

export const FILE_LIMITS = {
  image: { extensions: ['jpg', 'jpeg', 'png', 'webp', 'gif', 'bmp', 'tiff', 'tif'], maxBytes: 20 * MB },
  video: { extensions: ['mp4', 'avi', 'mov', 'wmv', 'flv', 'webm', 'mkv', '3gp', 'ogv'], maxBytes: 100 * MB },
  audio: { extensions: ['mp3', 'wav', 'ogg', 'aac', 'flac', 'weba', 'm4a', 'opus'], maxBytes: 50 * MB },
} as const;

export type FileKind = keyof typeof FILE_LIMITS;

/** Returns the kind of a file by its extension. */
export function kindOf(name: string): FileKind | undefined {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  for (const kind of ['image', 'video', 'audio'] as const) {
    if ((FILE_LIMITS[kind].extensions as readonly string[]).includes(extension)) return kind;
  }
  return undefined;
}

/** Says why the service would not take a file as a reference, or returns undefined. */
export function fileProblem(name: string, size: number, kind: FileKind): string | undefined {
  const { extensions, maxBytes } = FILE_LIMITS[kind];
  const which = { image: 'an image', video: 'a video', audio: 'audio' }[kind];
  if (kindOf(name) !== kind) {
    const known = extensions.filter((extension) => extension !== 'tif').map((one) => one.toUpperCase());
    return `${name}: not ${which} the service takes; expected ${known.join(', ')}`;
  }
  if (size === 0) return `${name}: the file is empty`;
  if (size > maxBytes) {
    return `${name}: ${(size / MB).toFixed(1)} MB; expected at most ${maxBytes / MB} MB for ${which}`;
  }
  return undefined;
}

export const HISTORY_DAYS = 7;
