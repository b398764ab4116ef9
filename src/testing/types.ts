/**
 * What a test does with an emulator, with or without a server: the interface alone.
 */
import type { AddedTask, EmulatorAccount } from './service/account.js';
import type { EmulatorClock } from './service/clock.js';
import type { WebhookDelivery } from './service/deliver.js';
import type { Fault } from './network/faults.js';
import type { LoggedRequest } from './network/request-log.js';
import type { Operation } from './network/route.js';
import type { EmulatedTask } from './service/task.js';
import type { EmulatedUpload } from './service/uploads.js';

/** Picks requests out of the log; a field left out matches all. */
export interface RequestFilter {
  operation?: Operation | undefined;
  method?: string | undefined;
  path?: string | undefined;
}

/** What a test does with an emulator, with or without a socket. */
export interface EmulatorCore {
  /** A key that it accepts. */
  readonly apiKey: string;
  /** What its webhooks are signed with: `whsec_…`. */
  readonly webhookSecret: string;
  /** Every request it received, in order. */
  readonly requests: readonly LoggedRequest[];
  /** Requests that carried the API key to where it must never go: outputs, uploaded files, storage. */
  readonly keyLeaks: readonly LoggedRequest[];
  /** The account's money and tasks. */
  readonly account: EmulatorAccount;
  /** Its time. */
  readonly clock: EmulatorClock;
  /** What was uploaded, oldest first. */
  readonly uploads: readonly EmulatedUpload[];
  /** Every attempt to deliver a webhook, in order. */
  readonly deliveries: readonly WebhookDelivery[];
  /** Empties `requests` and `keyLeaks`. */
  clearRequests(): void;
  /** Counts the requests that match. */
  requestCount(filter?: RequestFilter): number;
  /**
   * Makes calls fail from now on; several faults strike in the order they were set. Where a function of the fault throws,
   * the call is answered 500 with its message.
   *
   * @throws {RangeError} for a fault that cannot be meant, naming what is wrong with it.
   */
  fail(fault: Fault): void;
  /** Takes back every fault that has not struck yet. */
  clearFaults(): void;
  /**
   * Finds a task, added and deleted ones too.
   *
   * @throws {RangeError} when there never was one of that id.
   */
  task(id: string): EmulatedTask;
  /** Puts a task into the account's history that was started elsewhere: not charged here, and not in `account.tasks`. */
  addTask(task?: AddedTask): EmulatedTask;
  /** Makes every output another file, under another ETag, as when a CDN's copy is replaced between two requests. */
  rotateOutputs(): void;
  /** Waits until no webhook is on its way any more. */
  settled(): Promise<void>;
  /** Answers as `fetch` would, without any network: for `new WaveSpeedKling({ fetch: emulator.fetch })`, on any host. */
  readonly fetch: typeof globalThis.fetch;
}
