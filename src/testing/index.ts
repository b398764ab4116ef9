/** The public entry `wavespeed-kling/testing`: named exports, no logic. */
export type { AddedTask, EmulatorAccount } from './service/account.js';
export { type EmulatorClock, ManualClock } from './service/clock.js';
export type { WebhookDelivery } from './service/deliver.js';
export { type ContractTest, journalTests, type TestedJournal } from './contracts/journal-tests.js';
export { type TestedWebhookStore, webhookStoreTests } from './contracts/webhook-store-tests.js';
export { createEmulator } from './emulator.js';
export type {
  CompressFault,
  DataFault,
  DelayFault,
  DripFault,
  EmptyFault,
  EnvelopeFault,
  ExtraFault,
  Fault,
  FaultKind,
  FaultTarget,
  FaultTurn,
  GarbageFault,
  HangFault,
  NotJsonFault,
  RedirectFault,
  ResetFault,
  StatusFault,
  TruncateFault,
} from './network/faults.js';
export { emulatorHandlers, type MswModule } from './msw-handlers.js';
export type { EmulatorOptions } from './options.js';
export type { LoggedRequest, RequestFilter } from './network/request-log.js';
export type { Operation } from './network/route.js';
export { sampleVideo, type SampleVideoInput } from './service/sample-video.js';
export { type Emulator, startEmulator, type StartEmulatorOptions } from './server.js';
export { type SignedWebhookHeaders, signWebhook, type SignWebhookOptions } from './service/sign.js';
export type { EmulatorCore } from './types.js';
export type { EmulatedTask } from './service/task.js';
export type { EmulatedUpload } from './service/uploads.js';
