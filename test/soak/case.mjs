// One case of the soak: a client, an emulator, random faults, and a batch or single calls that are left at random.
// Afterwards every task that the emulator accepted must have reached the caller, no request may have been paid for twice, and
// no call may have got another's task.
import {
  KLING_O1,
  KLING_O3_STD,
  memoryJournal,
  SubmissionUnknownError,
  WaveSpeedError,
  WaveSpeedKling,
} from 'wavespeed-kling';
import { startEmulator } from 'wavespeed-kling/testing';
import { setFaults, withPutFaults } from './faults.mjs';
import { createRandom } from './random.mjs';

/** The longest that a call may take: its deadline, five seconds for a submit in flight, and slack for a busy machine. */
const LONGEST_MS = 40_000;

/** When a case gives up: a submit with an unknown outcome keeps its place under `limits` for half an hour. */
const GIVE_UP_MS = 12_000;

/** @typedef {{ calls: number, tasks: number, open: number, problems: string[] }} Outcome */

/**
 * @param {number} seed
 * @returns {Promise<Outcome>}
 */
export async function runCase(seed) {
  const random = createRandom(seed);
  const emulator = await startEmulator({
    balance: 1e6,
    queueMs: random.int(0, 30),
    processingMs: random.int(0, 150),
    listInputs: random.pick(/** @type {const} */ (['inputs', 'input'])),
  });
  setFaults(emulator, random);
  const kling = new WaveSpeedKling({
    apiKey: emulator.apiKey,
    baseUrl: emulator.url,
    requestTimeoutMs: random.pick([150, 400, 5000]),
    pollIntervalMs: random.int(5, 60),
    timeoutMs: random.pick([100, 1000, 8000]),
    maxRetries: random.int(0, 3),
    journal: withPutFaults(memoryJournal(), random),
    idempotency: { leaseMs: 2000, settleMs: 1000 },
    ...(random.chance(0.3) ? { fetch: globalThis.fetch } : {}),
    ...(random.chance(0.3) ? { limits: { concurrency: random.int(1, 4) } } : {}),
  });
  /** Ids that reached the caller, and errors whose outcome is open. @type {Set<string>} */
  const told = new Set();
  /** @type {SubmissionUnknownError[]} */
  const open = [];
  /** @type {string[]} */
  const errors = [];
  const note = (/** @type {unknown} */ error) => {
    for (const each of error instanceof AggregateError ? error.errors : [error]) {
      errors.push(`${each} (${each?.predictionId ?? 'no task'})`);
      if (WaveSpeedError.isInstance(each) && each.predictionId !== undefined) told.add(each.predictionId);
      else if (SubmissionUnknownError.isInstance(each)) open.push(each);
    }
  };
  let foreign = 0;
  const own = (/** @type {string} */ id, /** @type {number} */ index) => {
    const task = emulator.account.tasks.find((each) => each.id === id);
    if (task === undefined || promptOf(task) !== `request ${index}`) foreign++;
    told.add(id);
  };
  const giveUp = AbortSignal.timeout(GIVE_UP_MS);
  const context = { random, kling, told, note, own, giveUp };
  const startedAt = performance.now();
  const calls = await random.pick([runBatch, runSingles, runKeyed])(context);
  const tookMs = performance.now() - startedAt;
  await kling.close();
  emulator.clearFaults();
  const { tasks } = emulator.account;
  const lost = await findLost(
    tasks.map(({ id }) => id),
    told,
    open,
  );
  const lostPrompts = tasks.filter(({ id }) => lost.includes(id)).map(promptOf);
  const prompts = tasks.map(promptOf);
  const problems = [
    ...(new Set(prompts).size < prompts.length
      ? [`paid twice for ${prompts.length - new Set(prompts).size} requests`]
      : []),
    ...(lost.length > 0
      ? [
          `${lost.length} of ${tasks.length} tasks were lost: ${lostPrompts.join(', ')}, beside the errors ${errors.join(', ')}`,
        ]
      : []),
    ...(foreign > 0 ? [`${foreign} calls got another's task`] : []),
    ...(emulator.keyLeaks.length > 0 ? ['the key went elsewhere'] : []),
    ...(tookMs > LONGEST_MS ? [`took ${Math.round(tookMs)} ms`] : []),
  ];
  await emulator.close();
  return { calls, tasks: tasks.length, open: open.length, problems };
}

/** @typedef {{ random: import('./random.mjs').Random, kling: WaveSpeedKling, told: Set<string>, note: (error: unknown) => void, own: (id: string, index: number) => void, giveUp: AbortSignal }} Context */

/** @param {{ input: unknown }} task */
const promptOf = ({ input }) => /** @type {{ prompt: string }} */ (input).prompt;

/** @param {Context} context */
async function runBatch({ random, kling, told, note, own, giveUp }) {
  const count = random.int(1, 12);
  const requests = Array.from({ length: count }, (_, index) => ({
    model: random.pick([KLING_O1, KLING_O3_STD]),
    input: { prompt: `request ${index}` },
  }));
  const leaveAfter = random.chance(0.5) ? random.int(0, count) : Infinity;
  const how = random.pick(['break', 'return', 'abort']);
  const controller = new AbortController();
  const isSaved = random.chance(0.5);
  const batch = kling.runMany(requests, {
    concurrency: random.int(1, 6),
    signal: AbortSignal.any([controller.signal, giveUp]),
    ...(isSaved
      ? { onSubmitted: (/** @type {{ id: string }} */ { id }, /** @type {number} */ index) => own(id, index) }
      : {}),
  });
  if (how === 'return' && leaveAfter < Infinity)
    setTimeout(() => void batch.return().catch(note), random.int(0, 200));
  let results = 0;
  try {
    for await (const result of batch) {
      if (result.status === 'fulfilled') own(result.value.id, result.index);
      else {
        note(result.reason);
        if (result.predictionId !== undefined) told.add(result.predictionId);
      }
      results++;
      if (results <= leaveAfter) continue;
      if (how === 'break') break;
      if (how === 'abort') controller.abort();
    }
  } catch (error) {
    note(error);
  }
  // A `return()` of its own may still be on its way.
  await batch.return().catch(note);
  return count;
}

/** @param {Context} context */
async function runSingles({ random, kling, note, own, giveUp }) {
  const count = random.int(1, 6);
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const controller = new AbortController();
      if (random.chance(0.4)) setTimeout(() => controller.abort(), random.int(0, 300));
      const options = { signal: AbortSignal.any([controller.signal, giveUp]) };
      const input = { prompt: `request ${index}` };
      try {
        const task = random.chance(0.5)
          ? await kling.run(KLING_O3_STD, input, options)
          : await kling.submit(KLING_O3_STD, input, options);
        own(task.id, index);
      } catch (error) {
        note(error);
      }
    }),
  );
  return count;
}

/**
 * Each key is asked for twice at once, and by one of them once more after an error.
 *
 * @param {Context} context
 */
async function runKeyed({ random, kling, note, own, giveUp }) {
  const count = random.int(1, 4);
  const run = async (/** @type {number} */ index) => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const controller = new AbortController();
      if (random.chance(0.3)) setTimeout(() => controller.abort(), random.int(0, 300));
      try {
        const task = await kling.run(
          KLING_O3_STD,
          { prompt: `request ${index}` },
          {
            signal: AbortSignal.any([controller.signal, giveUp]),
            idempotencyKey: `key-${index}`,
            whenAbsent: 'resubmit',
          },
        );
        own(task.id, index);
        return;
      } catch (error) {
        note(error);
      }
    }
  };
  await Promise.all(Array.from({ length: count * 2 }, (_, turn) => run(turn % count)));
  return count * 2;
}

/**
 * Returns the tasks that the caller cannot find: neither told, nor an exact match of an open outcome.
 *
 * @param {string[]} ids
 * @param {Set<string>} told
 * @param {SubmissionUnknownError[]} open
 */
async function findLost(ids, told, open) {
  const missing = ids.filter((id) => !told.has(id));
  if (missing.length === 0) return [];
  const found = new Set();
  for (const error of open) {
    const candidates = await patiently(() => error.candidates());
    for (const task of candidates) if (task.exactMatch === true) found.add(task.id);
  }
  return missing.filter((id) => !found.has(id));
}

/**
 * Tries again: a machine at its limits may exceed the short timeouts of a case.
 *
 * @template T
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
async function patiently(call, attempts = 10) {
  try {
    return await call();
  } catch (error) {
    if (attempts === 1) throw error;
    return patiently(call, attempts - 1);
  }
}
