/** The journals in memory and in a file keep the promises of a journal, and a broken one does not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { fileJournal, type Journal, memoryJournal } from 'wavespeed-kling';
import { journalTests } from 'wavespeed-kling/testing';

const folder = mkdtempSync(join(tmpdir(), 'journals-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const memory = memoryJournal();

describe.each([
  { name: 'memoryJournal', open: () => memory },
  { name: 'fileJournal', open: () => fileJournal(join(folder, 'journal.jsonl')) },
])('$name', ({ open }) => {
  for (const { name, run } of journalTests(open)) test(name, run, 60_000);
});

/** Runs the tests on a journal, and returns the names of those that fail. */
async function failuresOf(open: () => Journal): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of journalTests(open)) await run().catch(() => failed.push(name));
  return failed;
}

/** Breaks one method of a journal that keeps its promises. */
function broken(change: (good: Journal) => Partial<Journal>): () => Journal {
  const good = memoryJournal();
  const journal = { ...good, ...change(good) };
  return () => journal;
}

describe('journalTests fail with a name that tells', () => {
  test.each<[string, () => Journal, string]>([
    [
      'a put that ignores the revision',
      broken((good) => ({
        put: async (key, entry) => good.put(key, entry, (await good.get(key))?.revision),
      })),
      'a write with another revision than the stored one is stale, and changes nothing',
    ],
    [
      'a put that is not atomic',
      broken((good) => ({
        put: async (key, entry, revision) => {
          const stored = await good.get(key);
          await new Promise((resolve) => setTimeout(resolve, 1));
          if (stored?.revision !== revision) return 'stale';
          return good.put(key, entry, (await good.get(key))?.revision);
        },
      })),
      'one of 50 concurrent first writes to a key wins',
    ],
    [
      'a put that does not know whose task it is',
      () => {
        const entries = new Map<string, { entry: never; revision: number }>();
        return {
          get: async (key) => structuredClone(entries.get(key)),
          put: async (key, entry, revision) => {
            if (entries.get(key)?.revision !== revision) return 'stale';
            entries.set(key, { entry: structuredClone(entry) as never, revision: (revision ?? 0) + 1 });
            return (revision ?? 0) + 1;
          },
        };
      },
      'one of 50 keys that take a prediction id at once gets it',
    ],
    [
      'a journal that forgets',
      () => memoryJournal(),
      'entries and prediction ids are there when the store is opened again',
    ],
    [
      'a plain object used as a map',
      broken((good) => {
        const inherited: Record<string, unknown> = {};
        return { get: async (key) => (await good.get(key)) ?? (inherited[key] as undefined) };
      }),
      'get returns undefined for a key without an entry',
    ],
    [
      'keys without case',
      broken((good) => ({
        get: (key) => good.get(key.toLowerCase()),
        put: (key, entry, revision) => good.put(key.toLowerCase(), entry, revision),
      })),
      'keys that look alike have entries of their own',
    ],
    [
      'entries cut short',
      broken((good) => ({
        put: (key, entry, revision) =>
          good.put(key, JSON.parse(JSON.stringify(entry).replace(/x{1000,}/, 'x')) as typeof entry, revision),
      })),
      'large entries and any text come back as they were',
    ],
  ])('for %s', async (_name, open, expected) => {
    expect(await failuresOf(open)).toContain(expected);
  });
});
