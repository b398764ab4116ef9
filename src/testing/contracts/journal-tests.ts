/** The promises of a journal, as tests for any test runner. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Prediction } from '../../core/prediction.js';
import { normalizePrediction } from '../../core/prediction.js';

/** One test: name it in your test runner, and run it there. It rejects if the promise in its name is broken. */
export interface ContractTest {
  name: string;
  run: () => Promise<void>;
}

type TestedEntry = { fingerprint: string; model: string; attempt: number } & (
  | { state: 'idle'; reason: string }
  | { state: 'sending'; digest: string; writer: string; markedAt: string; sendBy: string }
  | { state: 'submitted'; predictionId: string; submittedAt: string; cost?: number }
  | { state: 'ended'; predictionId: string; prediction: Prediction }
);

/** A `Journal`. If it has a `close` method, it is closed before the store is opened again. */
export interface TestedJournal {
  get(key: string): Promise<{ entry: object; revision: number } | undefined>;
  // oxlint-disable-next-line typescript/no-explicit-any -- any journal, whatever its type of an entry
  put(key: string, entry: any, revision?: number): Promise<number | 'stale' | 'taken'>;
  find?(predictionId: string): Promise<string | undefined>;
  entries?(): AsyncIterable<{ key: string; entry: object }>;
  close?(): unknown;
}

const BASE = { fingerprint: 'f'.repeat(64), model: 'kwaivgi/kling-video-o1/reference-to-video', attempt: 1 };
const idle = (reason = '429 Too Many Requests'): TestedEntry => ({ ...BASE, state: 'idle', reason });
const sending = (writer: string): TestedEntry => ({
  ...BASE,
  state: 'sending',
  digest: 'd'.repeat(64),
  writer,
  markedAt: '2026-01-01T00:00:00.000Z',
  sendBy: '2026-01-01T00:00:05.000Z',
});
const submitted = (predictionId: string): TestedEntry => ({
  ...BASE,
  state: 'submitted',
  predictionId,
  submittedAt: '2026-01-01T00:00:01.000Z',
  cost: 0.56,
});
const ended = (predictionId: string): TestedEntry => {
  const prediction = normalizePrediction({
    id: predictionId,
    status: 'completed',
    outputs: ['https://a.test/b.mp4'],
  });
  ok(prediction);
  return { ...BASE, state: 'ended', predictionId, prediction };
};

/** Keys that a careless store mixes up, or cannot hold. */
const ODD_KEYS = [
  'key',
  'KEY',
  ' key',
  'key ',
  'key\0',
  'key\\0',
  'key\n',
  'caf\u00e9',
  'cafe\u0301',
  '\u{1f98a}',
  "'; DROP TABLE kling_journal; --",
  '"%_*?[a]{b}$1:?#',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'null',
  '0',
  '00',
  'x'.repeat(200),
];

/** Opens the store for one test, and closes what was opened at its end. */
class Store {
  readonly #make: () => TestedJournal | Promise<TestedJournal>;
  readonly #open: TestedJournal[] = [];
  readonly #prefix = `${randomUUID()}:`;

  constructor(make: () => TestedJournal | Promise<TestedJournal>) {
    this.#make = make;
  }

  readonly key = (name = 'key') => this.#prefix + name;

  async open(): Promise<TestedJournal> {
    const journal = await this.#make();
    this.#open.push(journal);
    return journal;
  }

  /** Opens the store anew: what was not stored is gone. */
  async reopen(): Promise<TestedJournal> {
    await this.close();
    return this.open();
  }

  /** Several at once, where the store may be opened several times. */
  async openSeveral(): Promise<[TestedJournal, ...TestedJournal[]]> {
    const first = await this.open();
    if (first.close !== undefined) return [first];
    return [first, await this.open(), await this.open()];
  }

  async close(): Promise<void> {
    for (const journal of this.#open.splice(0)) await journal.close?.();
  }
}

const revisionOf = (result: number | 'stale' | 'taken'): number => {
  ok(Number.isInteger(result), `put returned ${JSON.stringify(result)}; expected the new revision`);
  return result as number;
};

/** Runs 50 writes at once, and expects that one of them wins and that the others get `loser`. */
async function race(
  write: (number: number) => Promise<number | 'stale' | 'taken'>,
  loser: 'stale' | 'taken',
): Promise<number> {
  const results = await Promise.all(Array.from({ length: 50 }, (_, number) => write(number)));
  const winners = results.flatMap((result, number) => (typeof result === 'number' ? [number] : []));
  equal(winners.length, 1, `${winners.length} of 50 concurrent writes won; expected one`);
  deepEqual([...new Set(results.filter((result) => typeof result === 'string'))], [loser]);
  return winners[0] ?? 0;
}

const PROMISES: Record<string, (store: Store) => Promise<void>> = {
  'get returns undefined for a key without an entry': async (store) => {
    const journal = await store.open();
    equal(await journal.get(store.key()), undefined);
    // A plain object that is used as a map has these.
    for (const key of ['__proto__', 'constructor']) {
      equal(await journal.get(key), undefined);
      equal(await journal.find?.(key), undefined);
    }
  },

  'get returns each entry as it was put, with the revision that put returned': async (store) => {
    const journal = await store.open();
    const id = store.key('task');
    let revision: number | undefined;
    for (const entry of [idle(), sending('w'), submitted(id), ended(id)]) {
      const next = revisionOf(await journal.put(store.key(), entry, revision));
      notEqual(next, revision);
      revision = next;
      deepEqual(await journal.get(store.key()), { entry, revision });
    }
  },

  'a first write to a key that has an entry is stale, and changes nothing': async (store) => {
    const journal = await store.open();
    const revision = revisionOf(await journal.put(store.key(), sending('first')));
    equal(await journal.put(store.key(), sending('second')), 'stale');
    deepEqual(await journal.get(store.key()), { entry: sending('first'), revision });
  },

  'a write with another revision than the stored one is stale, and changes nothing': async (store) => {
    const journal = await store.open();
    equal(await journal.put(store.key(), idle(), 1), 'stale');
    equal(await journal.get(store.key()), undefined);
    const first = revisionOf(await journal.put(store.key(), idle('first')));
    const second = revisionOf(await journal.put(store.key(), idle('second'), first));
    equal(await journal.put(store.key(), idle('late'), first), 'stale');
    equal(await journal.put(store.key(), idle('early'), second + 1), 'stale');
    deepEqual(await journal.get(store.key()), { entry: idle('second'), revision: second });
  },

  'one of 50 concurrent first writes to a key wins': async (store) => {
    const journals = await store.openSeveral();
    const winner = await race(
      (number) => (journals[number % journals.length] ?? journals[0]).put(store.key(), sending(`w${number}`)),
      'stale',
    );
    deepEqual((await journals[0].get(store.key()))?.entry, sending(`w${winner}`));
  },

  'one of 50 concurrent updates of an entry wins': async (store) => {
    const journals = await store.openSeveral();
    const revision = revisionOf(await journals[0].put(store.key(), idle()));
    const winner = await race(
      (number) =>
        (journals[number % journals.length] ?? journals[0]).put(store.key(), sending(`w${number}`), revision),
      'stale',
    );
    deepEqual((await journals[0].get(store.key()))?.entry, sending(`w${winner}`));
  },

  'one of 50 keys that take a prediction id at once gets it': async (store) => {
    const journals = await store.openSeveral();
    const id = store.key('task');
    const keyOf = (number: number) => store.key(String(number));
    const revisions = await Promise.all(
      Array.from({ length: 50 }, async (_, number) =>
        revisionOf(await journals[0].put(keyOf(number), sending(`w${number}`))),
      ),
    );
    const winner = await race(
      (number) =>
        (journals[number % journals.length] ?? journals[0]).put(
          keyOf(number),
          submitted(id),
          revisions[number],
        ),
      'taken',
    );
    deepEqual((await journals[0].get(keyOf(winner)))?.entry, submitted(id));
    const loser = winner === 0 ? 1 : 0;
    deepEqual((await journals[0].get(keyOf(loser)))?.entry, sending(`w${loser}`));
  },

  'the prediction id of another key is taken, also for a first write, and nothing changes': async (store) => {
    const journal = await store.open();
    const id = store.key('task');
    revisionOf(await journal.put(store.key('owner'), submitted(id)));
    equal(await journal.put(store.key('first'), submitted(id)), 'taken');
    equal(await journal.get(store.key('first')), undefined);
    const revision = revisionOf(await journal.put(store.key('second'), sending('w')));
    equal(await journal.put(store.key('second'), submitted(id), revision), 'taken');
    deepEqual(await journal.get(store.key('second')), { entry: sending('w'), revision });
    const other = store.key('other task');
    deepEqual(typeof (await journal.put(store.key('second'), submitted(other), revision)), 'number');
  },

  'a key keeps its own prediction id over its writes': async (store) => {
    const journal = await store.open();
    const id = store.key('task');
    const revision = revisionOf(await journal.put(store.key(), submitted(id)));
    revisionOf(await journal.put(store.key(), ended(id), revision));
    equal(await journal.put(store.key('other'), submitted(id)), 'taken');
  },

  'entries and prediction ids are there when the store is opened again': async (store) => {
    const journal = await store.open();
    const id = store.key('task');
    const revision = revisionOf(await journal.put(store.key(), submitted(id)));
    const again = await store.reopen();
    deepEqual(await again.get(store.key()), { entry: submitted(id), revision });
    equal(await again.put(store.key('other'), submitted(id)), 'taken');
    revisionOf(await again.put(store.key(), ended(id), revision));
  },

  'a write whose answer was lost is there: the same write again is stale, and get shows its writer': async (
    store,
  ) => {
    const journal = await store.open();
    await journal.put(store.key(), sending('mine'));
    const again = await store.reopen();
    equal(await again.put(store.key(), sending('mine')), 'stale');
    deepEqual((await again.get(store.key()))?.entry, sending('mine'));
  },

  'keys that look alike have entries of their own': async (store) => {
    const journal = await store.open();
    for (const name of ODD_KEYS) revisionOf(await journal.put(store.key(name), idle(name)));
    const again = await store.reopen();
    for (const name of ODD_KEYS) deepEqual((await again.get(store.key(name)))?.entry, idle(name));
  },

  'prediction ids that look alike are different tasks': async (store) => {
    const journal = await store.open();
    for (const name of ODD_KEYS) {
      revisionOf(await journal.put(store.key(name), submitted(store.key(name))));
      equal(await journal.put(store.key(`twin of ${name}`), submitted(store.key(name))), 'taken');
    }
  },

  'large entries and any text come back as they were': async (store) => {
    const journal = await store.open();
    const text = '\0\u0001\u2028\u{1f98a}\ud800"\\\'\n\r\t</script>$1 ?';
    const large = idle(text + 'x'.repeat(1024 * 1024));
    revisionOf(await journal.put(store.key(), large));
    deepEqual((await (await store.reopen()).get(store.key()))?.entry, large);
  },

  'an entry that is changed after put, or after get, is not changed in the store': async (store) => {
    const journal = await store.open();
    const entry = idle('as put') as { reason: string };
    await journal.put(store.key(), entry);
    entry.reason = 'changed';
    const found = (await journal.get(store.key()))?.entry as { reason: string };
    equal(found.reason, 'as put');
    found.reason = 'changed';
    deepEqual((await journal.get(store.key()))?.entry, idle('as put'));
  },

  'find, where there is one, returns the key of a task, and undefined for another task': async (store) => {
    const journal = await store.open();
    if (journal.find === undefined) return;
    for (const name of ODD_KEYS) revisionOf(await journal.put(store.key(name), submitted(store.key(name))));
    const ofTask = store.key('ended task');
    const revision = revisionOf(await journal.put(store.key('of task'), submitted(ofTask)));
    revisionOf(await journal.put(store.key('of task'), ended(ofTask), revision));
    const again = await store.reopen();
    for (const name of ODD_KEYS) equal(await again.find?.(store.key(name)), store.key(name));
    equal(await again.find?.(ofTask), store.key('of task'));
    equal(await again.find?.(store.key('no such task')), undefined);
  },

  'entries, where there are some, yields each key once, with its last entry': async (store) => {
    const journal = await store.open();
    if (journal.entries === undefined) return;
    const expected = new Map<string, object>();
    for (const name of ODD_KEYS) {
      const revision = revisionOf(await journal.put(store.key(name), sending('w')));
      revisionOf(await journal.put(store.key(name), submitted(store.key(name)), revision));
      expected.set(store.key(name), submitted(store.key(name)));
    }
    const again = await store.reopen();
    for await (const { key, entry } of again.entries?.() ?? []) {
      if (!key.startsWith(store.key(''))) continue;
      ok(expected.has(key), `entries yielded ${JSON.stringify(key)} twice, or it was never put`);
      deepEqual(entry, expected.get(key));
      expected.delete(key);
    }
    deepEqual([...expected.keys()], []);
  },
};

/**
 * Returns tests of the promises of a journal, for people who write their own. Each uses its own keys, so that they can run
 * one by one or in parallel, in a store that is not empty.
 *
 * @param makeJournal Opens the same store again with each call. A journal with a `close` method is closed before.
 * @example
 * for (const { name, run } of journalTests(() => myJournal(database))) test(name, run);
 */
export function journalTests(makeJournal: () => TestedJournal | Promise<TestedJournal>): ContractTest[] {
  return Object.entries(PROMISES).map(([name, check]) => ({
    name,
    run: async () => {
      const store = new Store(makeJournal);
      try {
        await check(store);
      } finally {
        await store.close();
      }
    },
  }));
}
