/**
 * Goes through the list of tasks once, for those that are wanted: a bounded number of pages, some of them at once.
 */
import { idOf } from '../core/prediction.js';
import type { ListQuery, PredictionPage } from './list.js';

/** Makes one attempt to fetch one page; rejects at once when the signal aborts. */
export type FetchPage = (
  query: ListQuery & { page: number; page_size: number },
  signal: AbortSignal,
) => Promise<PredictionPage>;

const PAGE_SIZE = 100;
/** How many pages of other people's tasks are worth reading, beside those that ours fill. */
const SPARE_PAGES = 2;
const PAGES_AT_ONCE = 4;

/** Says how many pages it takes at least to see so many tasks. */
export const pagesFor = (tasks: number): number => Math.ceil(tasks / PAGE_SIZE);

/** Says how many are read at most. */
export const mostPagesFor = (tasks: number): number => pagesFor(tasks) + SPARE_PAGES;

/**
 * Hands on each task of the list as the service sent it, newest first, until none is wanted any more; gives how many
 * requests that took.
 */
export async function sweepList(
  fetchPage: FetchPage,
  query: ListQuery,
  signal: AbortSignal,
  wanted: { readonly size: number },
  onTask: (id: string, task: unknown) => void,
): Promise<number> {
  /** With which task each page began. */
  const beginnings = new Set<string | undefined>();
  let last = mostPagesFor(wanted.size);
  let isTotalKnown = false;
  let next = 1;
  while (next <= last && wanted.size > 0) {
    // Not before the first page has told how many there are.
    const group: number = isTotalKnown ? Math.min(PAGES_AT_ONCE, last - next + 1) : 1;
    const pages: PredictionPage[] = await Promise.all(
      Array.from({ length: group }, (_, index) =>
        fetchPage({ ...query, page: next + index, page_size: PAGE_SIZE }, signal),
      ),
    );
    next += group;
    for (const { items, total } of pages) {
      const beginning = idOf(items[0]);
      // Past the end, or a list that does not know `page`.
      const isOver = items.length === 0 || (beginning !== undefined && beginnings.has(beginning));
      beginnings.add(beginning);
      if (!isOver) {
        for (const item of items) {
          const id = idOf(item);
          if (id !== undefined) onTask(id, item);
        }
      }
      isTotalKnown = total !== undefined;
      if (isOver || (total === undefined && items.length < PAGE_SIZE)) last = 0;
      else if (total !== undefined) last = Math.min(last, pagesFor(total));
    }
  }
  return next - 1;
}
