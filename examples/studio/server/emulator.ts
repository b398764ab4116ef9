/** The studio's own emulator: makes videos for nothing, keeps its tasks over a restart, and fails when told to. */
import { isTerminal } from 'wavespeed-kling';
import { type Emulator, startEmulator } from 'wavespeed-kling/testing';
import type { StudioTask } from './store.js';

/** What the next submit can be made to do. */
export const REHEARSALS = ['fail', 'lose', 'hide', 'busy', 'refuse'] as const;
export type Rehearsal = (typeof REHEARSALS)[number];

export async function startStudioEmulator(tasks: readonly StudioTask[]): Promise<Emulator> {
  const emulator = await startEmulator({ queueMs: 1200, processingMs: 5000, balance: 25 });
  for (const { id, prediction } of tasks) {
    if (id === undefined || prediction === undefined) continue;
    const { model, input, created_at, status, error } = prediction;
    const ended = isTerminal(status) && status !== 'completed' ? { status, error } : {};
    emulator.addTask({ id, model, input: input as Record<string, unknown>, created_at, ...ended });
  }
  return emulator;
}

/** Makes the next submit fail in one way. */
export function rehearse(emulator: Emulator, rehearsal: Rehearsal): void {
  emulator.clearFaults();
  switch (rehearsal) {
    case 'fail':
      emulator.fail({
        on: 'submit',
        kind: 'data',
        patch: (data) => {
          const { id } = data as { id: string };
          setTimeout(() => emulator.task(id).fail('The content was flagged by moderation.'), 3000).unref();
          return data;
        },
      });
      return;
    case 'lose':
      emulator.fail({ on: 'submit', kind: 'reset', when: 'headers' });
      return;
    case 'hide':
      // A history that shows no inputs: only a person can say which task it was.
      emulator.fail({ on: 'submit', kind: 'reset', when: 'headers' });
      for (const on of ['list', 'result'] as const) {
        emulator.fail({ on, kind: 'data', times: Infinity, patch: withoutInputs });
      }
      return;
    case 'busy':
      emulator.fail({ on: 'submit', kind: 'status', status: 429, headers: { 'retry-after': '3' } });
      return;
    case 'refuse':
      emulator.fail({
        on: 'submit',
        kind: 'status',
        status: 402,
        body: { code: 402, message: 'insufficient credits' },
      });
      return;
  }
}

function withoutInputs(data: unknown): unknown {
  return JSON.parse(
    JSON.stringify(data, (key, value) => (key === 'input' || key === 'inputs' ? undefined : value)),
  );
}
