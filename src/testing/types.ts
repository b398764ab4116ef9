/** The interface of an emulator, with or without a server. */
import type { AddedTask, EmulatorAccount } from './service/account.js';
import type { EmulatorClock } from './service/clock.js';
import type { WebhookDelivery } from './service/deliver.js';
import type { Fault } from './network/faults.js';
import type { LoggedRequest, RequestFilter } from './network/request-log.js';
import type { EmulatedTask } from './service/task.js';
import type { EmulatedUpload } from './service/uploads.js';

/** An emulator of the service, with or without a server. */
export interface EmulatorCore {
  /** A valid API key. */
  readonly apiKey: string;
  /** The secret of its webhooks: `whsec_…`. */
  readonly webhookSecret: string;
  /** The received requests, in order: the latest 5,000 of each operation. */
  readonly requests: readonly LoggedRequest[];
  /** Requests that sent the API key where it must not be sent: outputs, uploaded files, storage. */
  readonly keyLeaks: readonly LoggedRequest[];
  /** The account: its balance and tasks. */
  readonly account: EmulatorAccount;
  /** The clock. */
  readonly clock: EmulatorClock;
  /** The uploaded files, oldest first: the latest 5,000, of which the latest 256 MB have their `bytes`. */
  readonly uploads: readonly EmulatedUpload[];
  /** The attempts to deliver webhooks, in order: the latest 5,000. */
  readonly deliveries: readonly WebhookDelivery[];
  /** Empties `requests` and `keyLeaks`. */
  clearRequests(): void;
  /** Returns the number of requests that match; with `method` or `path` only those that `requests` holds. */
  requestCount(filter?: RequestFilter): number;
  /**
   * Makes calls fail from now on. Several faults apply in the order in which they were set. If a function of the fault
   * throws, the response is a 500 with its message.
   *
   * @throws {RangeError} for an invalid fault, naming what is wrong with it.
   * @example
   * emulator.fail({ on: 'submit', kind: 'reset', when: 'body' });
   */
  fail(fault: Fault): void;
  /** Removes all faults that have not applied yet. */
  clearFaults(): void;
  /**
   * Returns a task by its id, including added and deleted tasks.
   *
   * @throws {RangeError} for an unknown id.
   */
  task(id: string): EmulatedTask;
  /** Adds a task of another program to the account's history: not charged, and not in `account.tasks`. */
  addTask(task?: AddedTask): EmulatedTask;
  /** Replaces every output with another file and ETag, as a CDN may between two requests. */
  rotateOutputs(): void;
  /** Waits until no webhook delivery is in progress. */
  settled(): Promise<void>;
  /**
   * Makes every client of this process that has no `fetch` or `dispatcher` of its own talk to this emulator, in memory:
   * whatever its base URL and key are, and whether it was created before or after. Nothing reaches a network. A client that
   * is created without an API key uses the emulator's. If several emulators intercept, the last one is used.
   *
   * @returns A function that stops the interception.
   * @example
   * const emulator = createEmulator();
   * const stop = emulator.intercept();
   * await makeVideo(); // your own code, with its own `new WaveSpeedKling()`
   * stop();
   */
  intercept(): () => void;
  /** A `fetch` that calls the emulator without a network, on any host: `new WaveSpeedKling({ fetch: emulator.fetch })`. */
  readonly fetch: typeof globalThis.fetch;
}
