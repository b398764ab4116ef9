/** Finds the API call that a request makes. */

export const OPERATIONS = [
  'submit',
  'result',
  'list',
  'delete',
  'balance',
  'billings',
  'usage',
  'models',
  'price',
  'secret',
  'upload',
  'ticket',
  'put',
  'output',
  'file',
  'unknown',
] as const;

/** A call of the API. `ticket` and `put` are the newer upload, `upload` is the multipart one; `file` fetches an upload. */
export type Operation = (typeof OPERATIONS)[number];

export interface Route {
  operation: Operation;
  name: string;
  detail: string;
  /** Base URL before `/api/v3`, so that URLs in responses begin with the caller's base URL. */
  apiBase: string;
}

const API = '/api/v3/';

const GET: Readonly<Record<string, Operation>> = {
  balance: 'balance',
  models: 'models',
  'webhook/secret': 'secret',
};

const POST: Readonly<Record<string, Operation>> = {
  'billings/search': 'billings',
  'media/upload/binary': 'upload',
  'media/uploads': 'ticket',
  'model/price': 'price',
  'model/pricing': 'price',
  predictions: 'list',
  'predictions/delete': 'delete',
  'user/usage_stats': 'usage',
};

const FILES: Readonly<Record<string, Operation>> = { outputs: 'output', uploads: 'file', storage: 'put' };

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function findOperation(
  method: string,
  path: string,
  isModel: (id: string) => boolean,
): { operation: Operation; name: string } {
  if (method === 'GET') {
    const id = /^predictions\/([^/]+)(?:\/result)?$/.exec(path)?.[1];
    if (id !== undefined) return { operation: 'result', name: decode(id) };
    return { operation: own(GET, path) ?? 'unknown', name: '' };
  }
  if (method !== 'POST') return { operation: 'unknown', name: '' };
  const name = path.split('/').map(decode).join('/');
  if (isModel(name)) return { operation: 'submit', name };
  return { operation: own(POST, path) ?? 'unknown', name: path };
}

export function findRoute(method: string, url: URL, isModel: (id: string) => boolean): Route {
  const path = url.pathname;
  const start = path.indexOf(API);
  if (start >= 0) {
    const apiBase = url.origin + path.slice(0, start);
    return { ...findOperation(method, path.slice(start + API.length), isModel), detail: '', apiBase };
  }
  const [first = '', name = '', detail = ''] = path.slice(1).split('/').map(decode);
  return { operation: own(FILES, first) ?? 'unknown', name, detail, apiBase: url.origin };
}
