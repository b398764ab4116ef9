// What the bench of journals measures, each in a process of its own.
// Usage: journal-program.mjs <what> <path or URL> <count> [<at once>]
// @ts-nocheck: journals of several databases.
import { createReadStream } from 'node:fs';
import { open as openFile, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { report } from './report.mjs';

const [what, place, ...sizes] = process.argv.slice(2);
const [count, atOnce] = sizes.map(Number);
const model = 'kwaivgi/kling-video-o3-std/reference-to-video';

/** The entries of a key from its mark to the end of its task. */
function lifeOf(index) {
  const predictionId = index.toString(16).padStart(32, '0');
  const common = { fingerprint: 'f'.repeat(64), model, attempt: 1 };
  const at = '2026-11-01T10:00:00.123Z';
  const prediction = {
    id: predictionId,
    model,
    status: 'completed',
    outputs: [`https://cdn.example.com/predictions/${predictionId}/1.mp4`],
    urls: { get: `https://api.wavespeed.ai/api/v3/predictions/${predictionId}/result` },
    has_nsfw_contents: [false],
    created_at: '2026-11-01T10:00:00.123456789Z',
    error: '',
    timings: { inference: 81_234 },
  };
  return [
    { ...common, state: 'sending', digest: 'd'.repeat(64), writer: 'w'.repeat(32), markedAt: at, sendBy: at },
    { ...common, state: 'submitted', predictionId, submittedAt: at, cost: 0.42 },
    { ...common, state: 'ended', predictionId, prediction },
  ];
}

async function openSqlite(settings = '') {
  const { default: Database } = await import('better-sqlite3');
  const { sqlJournal, sqlSchema } = await import('wavespeed-kling/sql');
  const database = new Database(place);
  database.exec(settings);
  for (const statement of sqlSchema('sqlite')) database.exec(statement);
  const journal = sqlJournal((sql, values) => database.prepare(sql).all(...values), { dialect: 'sqlite' });
  return {
    put: (...put) => journal.put(...put),
    bytes: async () => {
      database.pragma('wal_checkpoint(TRUNCATE)');
      return (await stat(place)).size;
    },
    close: () => database.close(),
  };
}

/** Stores: how each puts an entry, and the bytes that it takes on the disk, or in the memory of Redis. */
const stores = {
  /** Appends each entry to a file and syncs it. */
  async bare() {
    const file = await openFile(place, 'a');
    let queue = Promise.resolve();
    const append = async (line) => {
      await file.appendFile(line);
      await file.datasync();
    };
    return {
      put: (key, entry) => (queue = queue.then(() => append(`${JSON.stringify({ key, entry })}\n`))),
      bytes: async () => (await stat(place)).size,
      close: () => file.close(),
    };
  },
  async file() {
    const { fileJournal } = await import('wavespeed-kling');
    const journal = fileJournal(place);
    return {
      put: (...put) => journal.put(...put),
      bytes: async () => (await stat(place)).size,
      close: () => journal.close(),
    };
  },
  sqlite: () => openSqlite(),
  /** As docs/journals.md has it. */
  wal: () => openSqlite('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL'),
  async postgres() {
    const { default: pg } = await import('pg');
    const { sqlJournal, sqlSchema } = await import('wavespeed-kling/sql');
    const pool = new pg.Pool({ connectionString: place });
    const query = async (sql, values) => (await pool.query(sql, values)).rows;
    await query('DROP TABLE IF EXISTS kling_journal', []);
    for (const statement of sqlSchema('postgres')) await query(statement, []);
    const journal = sqlJournal(query, { dialect: 'postgres' });
    const size = async () =>
      Number((await query("SELECT pg_total_relation_size('kling_journal') AS size", []))[0].size);
    return { put: (...put) => journal.put(...put), bytes: size, close: () => pool.end() };
  },
  async redis() {
    const { Redis } = await import('ioredis');
    const { redisJournal } = await import('wavespeed-kling/bullmq');
    const redis = new Redis(place);
    await redis.flushall();
    const memory = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1]);
    const before = await memory();
    const journal = redisJournal(redis);
    return {
      put: (...put) => journal.put(...put),
      bytes: async () => (await memory()) - before,
      close: () => redis.disconnect(),
    };
  },
};

/** Stores the lives of so many keys, of so many at once. */
async function putAll(store) {
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next++;
      let revision;
      for (const entry of lifeOf(index)) revision = await store.put(`order-${index}`, entry, revision);
      if (typeof revision === 'string') throw new Error(`put resolved to ${revision}`);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, work));
  const seconds = (performance.now() - startedAt) / 1000;
  return { putsPerSecond: (3 * count) / seconds, bytesEach: (await store.bytes()) / count };
}

const work = {
  async fill() {
    const { fileJournal } = await import('wavespeed-kling');
    const journal = fileJournal(place);
    await Promise.all(
      Array.from({ length: count }, (_, index) => journal.put(`order-${index}`, lifeOf(index).at(-1))),
    );
    await journal.close();
  },
  async load() {
    await import('wavespeed-kling');
  },
  async open() {
    const { fileJournal } = await import('wavespeed-kling');
    const journal = fileJournal(place);
    if ((await journal.get(`order-${count - 1}`))?.entry.state !== 'ended') throw new Error('lost an entry');
    await journal.close();
  },
  async parse() {
    await import('wavespeed-kling');
    let read = 0;
    for await (const line of createInterface({ input: createReadStream(place) }))
      if (JSON.parse(line).key) read += 1;
    if (read !== count) throw new Error(`read ${read} lines`);
  },
};

if (stores[what] === undefined) await work[what]();
else {
  const store = await stores[what]();
  report(await putAll(store));
  await store.close();
}
