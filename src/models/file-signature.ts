/** Recognises a file by its first bytes. */
// oxlint-disable no-control-regex -- signatures hold control characters

/** Brands of MP4's family. Others are MP4. */
const BRANDS: Readonly<Record<string, string>> = {
  'qt  ': 'video/quicktime',
  'M4V ': 'video/x-m4v',
  M4VH: 'video/x-m4v',
  M4VP: 'video/x-m4v',
  'M4A ': 'audio/x-m4a',
  'M4B ': 'audio/mp4',
  'F4A ': 'audio/mp4',
  'F4B ': 'audio/mp4',
  avif: 'image/avif',
  avis: 'image/avif',
  heic: 'image/heic',
  heix: 'image/heic',
  hevc: 'image/heic-sequence',
  hevx: 'image/heic-sequence',
  mif1: 'image/heif',
  msf1: 'image/heif-sequence',
  'crx ': 'image/x-canon-cr3',
};

function ofBrand(brand: string): string {
  if (brand.startsWith('3g2')) return 'video/3gpp2';
  return brand.startsWith('3g') ? 'video/3gpp' : (BRANDS[brand] ?? 'video/mp4');
}

/** In this order. Each is a pattern of the first bytes as Latin-1. */
const SIGNATURES: readonly (readonly [RegExp, string])[] = [
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^\x89PNG\r\n\x1a\n/, 'image/png'],
  [/^GIF8/, 'image/gif'],
  [/^RIFF[^]{4}WEBP/, 'image/webp'],
  [/^RIFF[^]{4}AVI /, 'video/vnd.avi'],
  [/^RIFF[^]{4}WAVE/, 'audio/wav'],
  // With the size of its header: two letters alone begin many texts.
  [/^BM[^]{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0/, 'image/bmp'],
  [/^II\*\0[^]{4}CR/, 'image/x-canon-cr2'],
  [/^(?:II\*\0|MM\0\*)/, 'image/tiff'],
  [/^\x1a\x45\xdf\xa3[^]{0,60}webm/, 'video/webm'],
  [/^\x1a\x45\xdf\xa3[^]{0,60}matroska/, 'video/matroska'],
  [/^\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9/, 'audio/x-ms-asf'],
  [/^FLV\x01/, 'video/x-flv'],
  [/^OggS[^]{24}OpusHead/, 'audio/ogg; codecs=opus'],
  [/^OggS[^]{24}(?:\x01vorbis|\x7fFLAC|Speex)/, 'audio/ogg'],
  [/^OggS/, 'application/ogg'],
  [/^fLaC/, 'audio/flac'],
  [/^[^]{4}(?:free|mdat|moov|wide)/, 'video/quicktime'],
  [/^ID3/, 'audio/mpeg'],
  [/^\xff[\xf0\xf1\xf8\xf9]/, 'audio/aac'],
  [/^\xff[\xe2\xe3\xf2\xf3\xfa\xfb]/, 'audio/mpeg'],
  [/^%PDF/, 'application/pdf'],
  [/^PK\x03\x04/, 'application/zip'],
];

/** Returns the MIME type, as the `file-type` library names it; undefined if it is unknown. */
export function detectSignature(header: string): string | undefined {
  const brand = /^[^]{4}ftyp([^]{4})/.exec(header)?.[1];
  if (brand !== undefined) return ofBrand(brand);
  return SIGNATURES.find(([pattern]) => pattern.test(header))?.[1];
}
