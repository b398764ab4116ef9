/** Runs processes on one journal, harms them, the journal and the service at random, then lets the last ones finish, and counts what was paid. */
import { rm } from 'node:fs/promises';
import { type Emulator, type LoggedRequest, startEmulator } from '../../src/testing/index.js';
import { createRandom, type Random } from '../soak/random.mjs';
import { bundleWorker } from './bundle-worker.js';
import { type Before, ChaosProcess } from './chaos-process.js';
import type { ChaosOptions, ChaosReport, ChaosStore } from './chaos-store.js';
import { type Effects, hash, setServiceFaults } from './service-faults.js';
import type { WorkerMessage, WorkerSettings } from './settings.js';
import { settleByHand } from './settle-by-hand.js';

/** The request of a process at which it is harmed. Most often with a POST in flight. */
type Point = 'submit accepted' | 'submit lost' | 'poll' | 'search';
const POINTS: readonly Point[] = [
  'submit accepted',
  'submit lost',
  'submit accepted',
  'submit lost',
  'poll',
  'search',
];

interface Plan {
  at: Point;
  /** Requests that pass before. */
  passing: number;
  harm: string;
}

const CLOCKS_MS = [0, 0, 0, 120_000, -120_000, 600_000, -600_000];
const MOST_ERRORS_OF_A_WRITER = 50;
const FREEZE_MS = [300, 3000, 6000];

export async function runChaos(store: ChaosStore, options: ChaosOptions): Promise<ChaosReport> {
  const worker = await bundleWorker();
  const emulator = await startEmulator({ queueMs: 5, processingMs: 20, listLagMs: 100, balance: 1e6 });
  const run = new ChaosRun(store, options, emulator, worker);
  try {
    return await run.run();
  } finally {
    run.stop();
    await emulator.close();
    await rm(worker);
  }
}

class ChaosRun {
  readonly #store: ChaosStore;
  readonly #options: ChaosOptions;
  readonly #emulator: Emulator;
  readonly #worker: string;
  readonly #random: Random;
  readonly #processes = new Map<string, ChaosProcess>();
  readonly #plans = new Map<ChaosProcess, Plan>();
  readonly #effects: Effects = {};
  readonly #endServiceFaults: () => void;
  readonly #open = new Set<string>();
  readonly #failures: string[] = [];
  readonly #startedAt = performance.now();
  #started = 0;
  #kills = 0;
  #killsInFlight = 0;
  #harming = Promise.resolve();
  /** Of what happens to the store. */
  #turn = Promise.resolve();
  /** Nothing is harmed any more. */
  #isCalm = false;

  constructor(store: ChaosStore, options: ChaosOptions, emulator: Emulator, worker: string) {
    this.#store = store;
    this.#options = options;
    this.#emulator = emulator;
    this.#worker = worker;
    this.#random = createRandom(options.seed);
    const held = { kind: 'hang', when: 'headers', times: Infinity } as const;
    for (const accepted of [true, false]) {
      const at: Point = accepted ? 'submit accepted' : 'submit lost';
      emulator.fail({ on: 'submit', ...held, accepted, matching: (request) => this.#onRequest(at, request) });
    }
    emulator.fail({ on: 'result', ...held, matching: (request) => this.#onRequest('poll', request) });
    emulator.fail({ on: 'list', ...held, matching: (request) => this.#onRequest('search', request) });
    this.#endServiceFaults = setServiceFaults(emulator, options.seed, this.#effects);
  }

  async run(): Promise<ChaosReport> {
    await Promise.all(Array.from({ length: this.#store.processes }, () => this.#keepRunning()));
    this.#isCalm = true;
    // Another writer may still run.
    const others = [...this.#processes.values()];
    this.stop();
    await Promise.all(others.map(({ ended }) => ended));
    this.#endServiceFaults();
    // The last word on each key.
    this.#open.clear();
    if (this.#failures.length === 0) await this.#start().ended;
    const open = this.#open.size;
    const claimed =
      this.#failures.length === 0
        ? await settleByHand(this.#store, this.#emulator, this.#options, this.#open)
        : new Set();
    return {
      seed: this.#options.seed,
      kills: this.#kills,
      killsInFlight: this.#killsInFlight,
      effects: this.#effects,
      leftOut: this.#store.leftOut,
      posts: this.#emulator.requestCount({ operation: 'submit' }),
      open,
      tasks: this.#emulator.account.tasks.length,
      claimed: claimed.size,
      seconds: Math.round((performance.now() - this.#startedAt) / 1000),
      failures: this.#failures,
    };
  }

  stop(): void {
    for (const process of this.#processes.values()) process.kill();
  }

  /** Runs a process again and again, until one has done every key, or enough were killed. */
  async #keepRunning(): Promise<void> {
    for (let isDone = false; !isDone && this.#kills < this.#options.kills;) {
      const process = this.#start();
      isDone = await process.ended;
      await this.#harming;
      await this.#inTurn(this.#store.repair);
      if (this.#failures.length > 0) return;
    }
  }

  #start(writer?: { target: string; before: Before }): ChaosProcess {
    const { keys, prompts, seed } = this.#options;
    const number = this.#started++;
    const random = createRandom(hash(`${seed} process ${number}`));
    const isCalm = this.#isCalm;
    const settings: WorkerSettings = {
      target: writer?.target ?? this.#store.target,
      baseUrl: this.#emulator.url,
      name: `worker-${number}`,
      keys,
      prompts,
      seed: random.int(0, 1e9),
      clockMs: isCalm ? 0 : random.pick(CLOCKS_MS),
      setClockMs: random.pick(CLOCKS_MS),
      hearsTime: random.chance(0.5),
      putFaults: isCalm ? 0 : 0.04,
      isAlone: this.#store.processes === 1 && writer === undefined,
    };
    const process = new ChaosProcess(
      this.#worker,
      settings,
      writer?.before ?? [],
      (message) => void this.#onMessage(message, process),
    );
    this.#processes.set(settings.name, process);
    if (!isCalm) this.#plans.set(process, this.#plan(number));
    void process.ended.then(() => {
      this.#processes.delete(settings.name);
      if (process.failure !== undefined) this.#failures.push(process.failure);
    });
    return process;
  }

  /** The first process is killed with a POST in flight, whatever the machine does. */
  #plan(number: number): Plan {
    if (number === 0 && this.#kills === 0) return { at: 'submit accepted', passing: 2, harm: 'kill' };
    const harms = ['freeze', 'clock set', ...(this.#store.writers.length > 0 ? ['another writer'] : [])];
    const harm = this.#random.chance(0.5)
      ? 'kill'
      : this.#random.pick([...harms, ...Object.keys(this.#store.harms)]);
    return {
      at: this.#random.pick(POINTS),
      passing: this.#random.int(0, this.#store.processes === 1 ? 4 : 1),
      harm,
    };
  }

  /** Returns whether the request is held back: its process was harmed at it. */
  #onRequest(at: Point, { headers }: LoggedRequest): boolean {
    const process = this.#processes.get(headers['x-client-name'] ?? '');
    if (process === undefined) return false;
    // What still comes of a process that was killed.
    if (process.isKilled) return true;
    const plan = this.#plans.get(process);
    if (plan?.at !== at || this.#isCalm || plan.passing-- > 0) return false;
    this.#plans.delete(process);
    if (plan.harm === 'kill') {
      this.#kill(process, at);
      return true;
    }
    this.#harming = Promise.all([this.#harming, this.#harm(process, plan.harm)]).then(
      () => undefined,
      (error: unknown) => void this.#failures.push(String(error)),
    );
    this.#plans.set(process, this.#plan(this.#started));
    return true;
  }

  #kill(process: ChaosProcess, at: Point): void {
    if (!process.kill()) return;
    this.#kills += 1;
    if (at.startsWith('submit')) this.#killsInFlight += 1;
  }

  async #harm(process: ChaosProcess, harm: string): Promise<void> {
    if (harm === 'freeze') {
      this.#count('frozen');
      process.freeze();
      await new Promise((resolve) => setTimeout(resolve, this.#random.pick(FREEZE_MS)));
      process.thaw();
    } else if (harm === 'clock set') process.setClock();
    else await this.#inTurn(() => this.#harmStore(process, harm));
  }

  /** One after the other, and none before the last one is mended. */
  async #harmStore(process: ChaosProcess, harm: string): Promise<void> {
    if (this.#processes.size > 1 || process.hasEnded || this.#store.isHarmed()) return;
    this.#count(harm);
    if (harm !== 'another writer') return this.#store.harms[harm]?.(process, this.#random);
    const writer = this.#random.pick(this.#store.writers);
    const started = this.#start(await writer.prepare(this.#store.target));
    this.#count(writer.name);
    this.#plans.set(started, { at: 'submit accepted', passing: this.#random.int(0, 3), harm: 'kill' });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #onMessage(message: WorkerMessage, process: ChaosProcess): Promise<void> {
    if (message.event === 'fault') this.#count(message.kind);
    else if (message.event === 'open') this.#open.add(message.key);
    else if (message.event === 'clock set') this.#count('clock set');
    else {
      this.#count('journal errors');
      // Its mount leads to a file that was replaced: nothing mends that.
      const isWriter = this.#store.processes === 1 && !process.settings.isAlone;
      if (isWriter && ++process.journalErrors > MOST_ERRORS_OF_A_WRITER) process.kill();
      await this.#inTurn(this.#store.repair);
      process.goOn();
    }
  }

  #count(name: string): void {
    this.#effects[name] = (this.#effects[name] ?? 0) + 1;
  }
}
