/**
 * The public entry `wavespeed-kling/testing`: named exports, no logic.
 */
export type { AddedTask, EmulatorAccount } from './account.js';
export { type EmulatorClock, ManualClock } from './clock.js';
export type { WebhookDelivery } from './deliver.js';
export { createEmulator } from './emulator.js';
export type {
  Acceptance,
  DataFault,
  DelayFault,
  DripFault,
  EmptyFault,
  EnvelopeFault,
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
} from './faults.js';
export { emulatorHandlers, type MswModule } from './handlers.js';
export type { EmulatorOptions } from './options.js';
export type { LoggedRequest, Operation } from './requests.js';
export { sampleVideo } from './sample-video.js';
export { type Emulator, startEmulator, type StartEmulatorOptions } from './server.js';
export { type SignedWebhookHeaders, signWebhook, type SignWebhookOptions } from './sign.js';
export type { EmulatorCore, RequestFilter } from './surface.js';
export type { EmulatedTask } from './task.js';
export type { EmulatedUpload } from './uploads.js';
