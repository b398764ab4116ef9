/** Random calls of two clients with one journal, in simulated time: aborts, crashes and freezes come between any two steps. */
import { afterEach, expect, test, vi } from 'vitest';
import { KLING_O3_STD, memoryJournal, type Prediction, type WaveSpeedKling } from 'wavespeed-kling';
import { clientOn } from '../support/client.js';
import { fc } from '../support/properties.js';
import {
  Boundary,
  FATES,
  idle,
  idsOf,
  LAG_MS,
  OTHER,
  settled,
  steps,
  StepwiseService,
} from './stepwise-service.js';

afterEach(() => {
  vi.useRealTimers();
});

/** The inputs of the keys: two of them have the same. */
const KEYS: Record<string, string> = { 'key-1': 'fox', 'key-2': 'fox', 'key-3': 'owl' };

const call = fc.record({
  client: fc.nat(1),
  kind: fc.constantFrom('run' as const, 'submit' as const, 'runMany' as const),
  key: fc.option(fc.constantFrom(...Object.keys(KEYS)), { nil: undefined }),
  whenAbsent: fc.constantFrom('throw' as const, 'resubmit' as const),
  timeoutMs: fc.constantFrom(undefined, undefined, 50, 1000, 8000),
});

/** What happens between two steps. */
const event = fc.record({
  steps: fc.nat(60),
  kind: fc.constantFrom('call', 'call', 'call', 'abort', 'abort', 'clock', 'crash', 'freeze', 'thaw'),
  /** Which call is aborted, or which client freezes. */
  index: fc.nat(5),
  reason: fc.constantFrom(undefined, OTHER),
  ms: fc.constantFrom(1, 100, 1000, 5000),
});

const plan = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 6 }),
  events: fc.array(event, { minLength: 1, maxLength: 12 }),
  fates: fc.array(fc.constantFrom(...FATES), { maxLength: 8 }),
  concurrency: fc.constantFrom(1, 1, 2, Infinity),
  perMinute: fc.constantFrom(1, Infinity, Infinity),
});

type ValueOf<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;
type PlannedCall = ValueOf<typeof call>;
type Plan = ValueOf<typeof plan>;

interface Started extends PlannedCall {
  prompt: string;
  controller: AbortController;
  outcome: Promise<PromiseSettledResult<Pick<Prediction, 'id'>>>;
}

const SETTINGS = {
  requestTimeoutMs: 3000,
  timeoutMs: 60_000,
  maxRetries: 1,
  idempotency: { leaseMs: 2000, settleMs: 2 * LAG_MS },
};

function start(kling: WaveSpeedKling, planned: PlannedCall, index: number): Started {
  const { kind, key: idempotencyKey, whenAbsent, timeoutMs } = planned;
  const controller = new AbortController();
  const { signal } = controller;
  const prompt = idempotencyKey === undefined ? `request ${index}` : (KEYS[idempotencyKey] ?? '');
  const options = { signal, timeoutMs, ...(idempotencyKey !== undefined && { whenAbsent }) };
  /** As a batch of one. */
  const runOne = async (): Promise<Pick<Prediction, 'id'>> => {
    const request = { model: KLING_O3_STD, input: { prompt }, idempotencyKey } as const;
    const batch = kling.runMany([request], options);
    const { value: result } = await batch.next();
    if (result === undefined) throw new Error('The batch has no result.');
    // An aborted batch rejects after its results.
    await batch.next().catch(() => undefined);
    if (result.status === 'fulfilled') return result.value;
    if (result.predictionId === undefined) throw result.reason;
    return { id: result.predictionId };
  };
  const running =
    kind === 'runMany' ? runOne() : kling[kind](KLING_O3_STD, { prompt }, { ...options, idempotencyKey });
  const outcome = Promise.allSettled([running]).then(([result]) => result);
  return { ...planned, prompt, controller, outcome };
}

function setUp({ fates, concurrency, perMinute }: Plan) {
  const service = new StepwiseService(fates);
  const journal = memoryJournal();
  const started: Started[] = [];
  const processes = [new Boundary(), new Boundary()].map((boundary) => {
    const { kling } = clientOn((request) => boundary.cross(() => service.answer(request)), {
      ...SETTINGS,
      limits: { concurrency, perMinute },
      journal: boundary.journal(journal),
    });
    return { boundary, kling };
  });
  const processOf = ({ client }: PlannedCall) => processes[client] as (typeof processes)[number];
  return { service, journal, started, processes, processOf };
}

type World = ReturnType<typeof setUp>;

async function act({ started, processes, processOf }: World, { calls, events }: Plan): Promise<void> {
  for (const { steps: count, kind, index, reason, ms } of events) {
    await steps(count);
    const next = calls[started.length];
    if (kind === 'call' && next !== undefined) {
      started.push(start(processOf(next).kling, next, started.length));
    }
    if (kind === 'abort') started[index]?.controller.abort(reason);
    if (kind === 'clock') {
      await idle();
      vi.advanceTimersByTime(ms);
    }
    const boundary = processes[index % 2]?.boundary;
    if (kind === 'freeze') boundary?.freeze();
    if (kind === 'thaw') boundary?.thaw();
    // Always the same one, so that the other goes on.
    if (kind === 'crash' && processes[1] !== undefined) processes[1].boundary.isDead = true;
  }
  for (const { boundary } of processes) boundary.thaw();
}

/** Reads the outcomes of those that live, and asks for each key in another process, which submits what was not. */
async function findProblems({ service, journal, started, processOf }: World): Promise<string[]> {
  const [dead, living] = [true, false].map((isDead) =>
    started.filter((one) => processOf(one).boundary.isDead === isDead),
  ) as [Started[], Started[]];
  const outcomes = await settled(Promise.all(living.map(({ outcome }) => outcome)));
  if (outcomes === undefined) return ['a call is stuck'];
  await idle();
  vi.advanceTimersByTime(LAG_MS);

  const problems: string[] = [];
  const owners = new Map<string, string>();
  const told = new Set<string>();
  const tell = (id: string, owner: string, prompt: string) => {
    told.add(id);
    if (service.posts.find((post) => post.id === id)?.prompt !== prompt) problems.push(`${owner} got ${id}`);
    const other = owners.get(id);
    if (other !== undefined && other !== owner) problems.push(`${id} is of ${owner} and ${other}`);
    owners.set(id, owner);
  };
  for (const [index, outcome] of outcomes.entries()) {
    const { prompt, key = prompt } = living[index] as Started;
    if (outcome.status === 'fulfilled') tell(outcome.value.id, key, prompt);
    else for (const id of await idsOf(outcome.reason)) told.add(id);
  }
  service.fates = [];
  const { kling } = clientOn(service.answer, { ...SETTINGS, journal });
  for (const key of new Set(started.flatMap((one) => one.key ?? []))) {
    const prompt = KEYS[key] ?? '';
    const again = kling.submit(KLING_O3_STD, { prompt }, { idempotencyKey: key, whenAbsent: 'resubmit' });
    const [outcome] = (await settled(Promise.allSettled([again]))) ?? [];
    if (outcome?.status === 'fulfilled') tell(outcome.value.id, key, prompt);
    // A task without a key, of another call, may be this one's.
    else if (!String(outcome?.reason).includes('The history cannot tell')) {
      problems.push(`${key}: ${String(outcome?.reason)}`);
    }
  }
  await kling.close();

  for (const { id, prompt } of service.posts) {
    if (!told.has(id) && !dead.some((one) => one.prompt === prompt)) problems.push(`${prompt} is lost`);
    const asked = new Set(started.filter((one) => one.prompt === prompt).map(({ key }) => key ?? prompt));
    const paid = service.posts.filter((post) => post.prompt === prompt);
    if (paid.length > asked.size) problems.push(`${prompt} was paid for ${paid.length} times`);
  }
  return problems;
}

async function play(planned: Plan): Promise<string[]> {
  const world = setUp(planned);
  await act(world, planned);
  const problems = await findProblems(world);
  for (const { boundary, kling } of world.processes) {
    boundary.bury();
    await kling.close();
  }
  await settled(Promise.all(world.started.map(({ outcome }) => outcome)));
  if (vi.getTimerCount() > 0) problems.push('a timer is left');
  return problems;
}

const RUNS = Number(process.env.RANDOM_CALLS ?? 500);

test('no task is lost, paid for twice or given to another call, and no call is stuck', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (planned) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
      expect(await play(planned)).toEqual([]);
    }),
    { numRuns: RUNS },
  );
});
