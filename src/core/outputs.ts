/** Finds the URLs of a task's outputs, in any shape that holds some. */
import { isRecord } from '../utils/is-record.js';

/** Names of an object's fields; the first group that holds a URL is taken: a video, not its thumbnail. */
const FIELD_GROUPS = [
  /video|mp4/i,
  /^(?:url|urls|uri|href|src|link|file|files|output|outputs|result|results|data|download_?url)$/i,
  /^(?!.*(?:thumb|cover|poster|preview|frame|image|audio|input))/i,
  /(?:)/,
];
/** Fields that other models and gateways use in place of `outputs`. `video` may be an input. */
const OUTPUT_FIELDS = ['outputs', 'output', 'output_url', 'output_urls', 'result', 'results', 'video_url'];
const API_URL = /\/api\/v3\/predictions\//;
const MAX_DEPTH = 6;

/** Returns the URLs of a task's outputs; `raw` is what was there instead, if no URL was found in it. */
export function findOutputs(task: Record<string, unknown>): { urls: string[]; raw?: unknown } {
  for (const field of OUTPUT_FIELDS) {
    const urls = findUrls(task[field], field === 'outputs', MAX_DEPTH).filter((url) => !API_URL.test(url));
    if (urls.length > 0) return { urls: picturesLast([...new Set(urls)]) };
  }
  const raw = task.outputs ?? task.output;
  return isEmpty(raw) ? { urls: [] } : { urls: [], raw };
}

/** A thumbnail may come before its video. */
function picturesLast(urls: string[]): string[] {
  const isPicture = (url: string) => /\.(?:jpe?g|png|webp|gif|avif|bmp)(?:[?#]|$)/i.test(url);
  return urls.toSorted((one, other) => Number(isPicture(one)) - Number(isPicture(other)));
}

/** @param isLenient Takes a text that is not a URL as it is. */
function findUrls(value: unknown, isLenient: boolean, depth: number): string[] {
  if (depth === 0) return [];
  if (typeof value === 'string') return urlsOfText(value, isLenient, depth);
  if (Array.isArray(value)) return value.flatMap((item) => findUrls(item, isLenient, depth - 1));
  if (!isRecord(value)) return [];
  for (const group of FIELD_GROUPS) {
    const names = Object.keys(value).filter((name) => group.test(name));
    const urls = names.flatMap((name) => findUrls(value[name], false, depth - 1));
    if (urls.length > 0) return urls;
  }
  return [];
}

function urlsOfText(value: string, isLenient: boolean, depth: number): string[] {
  const text = value.trim();
  if (/^(?:https?:\/\/|data:)/i.test(text)) return text.split(/[\s,;|]+(?=https?:\/\/)/i);
  if (/^[[{"]/.test(text)) {
    try {
      return findUrls(JSON.parse(text), isLenient, depth - 1);
    } catch {
      // Not JSON.
    }
  }
  const urls = text.match(/https?:\/\/[^\s"'<>()[\]{}]+/gi);
  if (urls !== null) return urls;
  return isLenient && text !== '' ? [text] : [];
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
