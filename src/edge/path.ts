/** Replaces `node:path` on edge runtimes, which have no paths: only names of files that a browser has sent. */

export function basename(path: string): string {
  return path.split('/').findLast((part) => part !== '') ?? '';
}
