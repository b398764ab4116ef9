/** Requests to the studio's server. */
import type {
  BudgetView,
  CandidateView,
  HistoryView,
  MakeRequest,
  PriceView,
  Problem,
  SessionView,
  TaskView,
} from '../shared/types.js';

/** A request that the server has rejected, or that did not reach it. */
export class RequestFailed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

export const UNREACHABLE: Problem = {
  name: 'Unreachable',
  message: 'The studio’s server does not respond. Is it still running? Trying again is safe.',
};

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  }).catch(() => {
    throw new RequestFailed(UNREACHABLE);
  });
  if (response.status === 204) return undefined as T;
  const data: unknown = await response.json().catch(() => UNREACHABLE);
  if (!response.ok) throw new RequestFailed(data as Problem);
  return data as T;
}

const taskPath = (key: string) => `/api/tasks/${encodeURIComponent(key)}`;

export const api = {
  session: () => request<SessionView>('GET', '/api/session'),
  setBudget: (limit: number | null) => request<BudgetView>('PUT', '/api/budget', { limit }),
  rehearse: (rehearsal: string) => request<void>('PUT', '/api/rehearsal', { rehearsal }),
  price: (body: Omit<MakeRequest, 'key'>) => request<PriceView>('POST', '/api/price', body),
  make: (body: MakeRequest) => request<TaskView>('POST', '/api/tasks', body),
  history: (query: URLSearchParams) => request<HistoryView>('GET', `/api/tasks?${query.toString()}`),
  candidates: (key: string) => request<CandidateView[]>('GET', `${taskPath(key)}/candidates`),
  resolve: (key: string, id: string | null) => request<TaskView>('POST', `${taskPath(key)}/resolve`, { id }),
  follow: (key: string) => request<TaskView>('POST', `${taskPath(key)}/follow`, {}),
  remove: (key: string) => request<void>('DELETE', taskPath(key)),
};

/** Sends a file to the server; `fetch` reports no progress of what it sends. */
export function sendFile(
  file: File,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open('PUT', `/api/files?name=${encodeURIComponent(file.name)}`);
    sending.responseType = 'json';
    sending.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total);
    sending.onload = () => {
      const data = sending.response as { file: string } & Problem;
      if (sending.status === 200) resolve(data.file);
      else reject(new RequestFailed(data ?? UNREACHABLE));
    };
    sending.onerror = () => reject(new RequestFailed(UNREACHABLE));
    sending.onabort = () => reject(new RequestFailed({ name: 'AbortError', message: 'Removed.' }));
    signal.addEventListener('abort', () => sending.abort(), { once: true });
    sending.send(file);
  });
}
