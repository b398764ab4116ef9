/** What a chaos run is given, and what it reports. */
import type { Journal } from '../../src/index.js';
import type { Random } from '../soak/random.mjs';
import type { Before, ChaosProcess } from './chaos-process.js';
import type { Effects } from './service-faults.js';

/** A way in which another process comes to write to the store. */
export interface OtherWriter {
  name: string;
  prepare: (target: string) => Promise<{ target: string; before: Before }>;
}

export interface ChaosStore {
  /** See `WorkerSettings`. */
  target: string;
  /** Processes at once. */
  processes: number;
  writers: readonly OtherWriter[];
  /** What this machine does not allow. */
  leftOut: readonly string[];
  /** What happens to the store, by name, while only this process uses it. */
  harms: Readonly<Record<string, (process: ChaosProcess, random: Random) => Promise<void>>>;
  /** Whether it waits for a repair. */
  isHarmed: () => boolean;
  /** Called when a process found the journal unusable. */
  repair: () => Promise<void>;
  open: () => Required<Journal> & { close?: () => Promise<void> };
}

export interface ChaosOptions {
  /** Processes to kill. */
  kills: number;
  keys: number;
  /** Different inputs: several keys share each. */
  prompts: number;
  seed: number;
}

export interface ChaosReport {
  seed: number;
  /** Processes killed; less than asked for if the work was done before. */
  kills: number;
  /** Of them, while a POST was in flight. */
  killsInFlight: number;
  /** How often each fault took effect. */
  effects: Effects;
  leftOut: readonly string[];
  /** POSTs that the service received. */
  posts: number;
  /** Keys whose submit had an unknown outcome in the end, each with an error that said so; they were settled by hand. */
  open: number;
  /** Tasks that were paid for. */
  tasks: number;
  /** Different tasks that the keys have in the end. */
  claimed: number;
  seconds: number;
  /** Exit codes and errors of processes that ended by themselves, and not well. */
  failures: string[];
}
