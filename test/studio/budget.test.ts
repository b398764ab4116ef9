/** The studio's budget and event streams, through its routes, without a browser. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { createEmulator, type EmulatorOptions } from 'wavespeed-kling/testing';
import { createApp } from '../../examples/studio/server/app.js';
import { Budget } from '../../examples/studio/server/budget.js';
import { Events } from '../../examples/studio/server/events.js';
import { ReferenceFiles } from '../../examples/studio/server/files.js';
import { History } from '../../examples/studio/server/history.js';
import { readSettings } from '../../examples/studio/server/settings.js';
import { TaskStore } from '../../examples/studio/server/store.js';
import { Tasks } from '../../examples/studio/server/tasks.js';
import { Uploads } from '../../examples/studio/server/uploads.js';
import { Views } from '../../examples/studio/server/views.js';
import { Webhooks } from '../../examples/studio/server/webhooks.js';
import type { BudgetView, TaskView } from '../../examples/studio/shared/types.js';

/** The studio's server as functions, on an emulator in memory. */
async function openStudio(options: EmulatorOptions = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'studio-budget-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const emulator = createEmulator({ queueMs: 1, processingMs: 1, ...options });
  const kling = new WaveSpeedKling({ apiKey: emulator.apiKey, fetch: emulator.fetch });
  const store = await TaskStore.open(join(directory, 'tasks'));
  const files = await ReferenceFiles.open(join(directory, 'files'));
  const events = new Events();
  const uploads = new Uploads(kling, files);
  const views = new Views(uploads, directory);
  const webhooks = new Webhooks(kling, undefined);
  const start = async () => {
    const budget = await Budget.open(join(directory, 'budget.json'));
    const tasks = new Tasks({
      kling,
      store,
      files,
      budget,
      events,
      views,
      uploads,
      webhooks,
      pollIntervalMs: 2,
    });
    onTestFinished(() => tasks.close());
    const app = createApp({
      kling,
      settings: readSettings({}),
      host: 'emulator',
      emulator: undefined,
      store,
      files,
      budget,
      tasks,
      history: new History(kling, store, views, events),
      events,
      views,
      webhooks,
      videoDirectory: directory,
      pageDirectory: directory,
    });
    const request = async (method: string, path: string, body?: unknown) =>
      app.request(`http://127.0.0.1${path}`, {
        method,
        headers: { host: '127.0.0.1', 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    const make = (key: string, duration = 5) =>
      request('POST', '/api/tasks', {
        key,
        model: KLING_O3_STD,
        input: { prompt: `A fox, ${key}`, images: [], aspect_ratio: '16:9', duration },
      });
    const spent = async () =>
      ((await (await request('GET', '/api/session')).json()) as { budget: BudgetView }).budget.spent;
    const stateOf = (key: string) => store.get(key)?.state;
    const hasState = (key: string, state: string) => expect.poll(() => stateOf(key)).toBe(state);
    return { request, make, spent, hasState };
  };
  return { emulator, events, start };
}

describe('the studio', () => {
  test('counts a task that was removed from the list', async () => {
    const { emulator, start } = await openStudio();
    const { request, make, spent, hasState } = await start();
    await request('PUT', '/api/budget', { limit: 0.5 });
    expect((await make('click-one')).status).toBe(202);
    await hasState('click-one', 'ended');
    expect((await request('DELETE', '/api/tasks/click-one')).status).toBe(204);
    expect(await spent()).toBe(0.42);
    expect((await make('click-two')).status).toBe(422);
    expect(emulator.account.charged).toBe(0.42);
  });

  test('checks the budget again when a rejected task is tried again', async () => {
    const { emulator, start } = await openStudio();
    const { request, make, spent, hasState } = await start();
    await request('PUT', '/api/budget', { limit: 0.5 });
    emulator.fail({ on: 'submit', kind: 'status', status: 402, body: { code: 402, message: 'no credit' } });
    await make('click-one');
    await hasState('click-one', 'rejected');
    expect(await spent()).toBe(0);
    await make('click-two');
    await hasState('click-two', 'ended');
    const again = await request('POST', '/api/tasks/click-one/follow', {});
    expect(((await again.json()) as TaskView).key).toBe('click-one');
    await hasState('click-one', 'rejected');
    expect(emulator.account.charged).toBe(0.42);
    expect(await spent()).toBe(0.42);

    await request('PUT', '/api/budget', { limit: 1 });
    // Until the task is free again: its state is known a moment before.
    await expect
      .poll(async () => {
        await request('POST', '/api/tasks/click-one/follow', {});
        return emulator.account.charged;
      })
      .toBe(0.84);
    await hasState('click-one', 'ended');
    expect(await spent()).toBe(0.42);
  });

  test('does not spend more than the budget on clicks at the same time, nor on a repeated click', async () => {
    const { emulator, start } = await openStudio();
    const { request, make, hasState } = await start();
    await request('PUT', '/api/budget', { limit: 1 });
    const replies = await Promise.all(
      ['click-one', 'click-one', 'click-two', 'click-three'].map((key) => make(key)),
    );
    const refused = replies.filter(({ status }) => status === 422);
    expect([replies.length, refused.length]).toEqual([4, 1]);
    await hasState('click-one', 'ended');
    await expect.poll(() => emulator.account.charged).toBe(0.84);
  });

  test('gives back what a failed task cost, and keeps what was spent over a restart', async () => {
    const { start } = await openStudio({ failWith: 'content refused', failShare: 0.5 });
    const { request, make, spent, hasState } = await start();
    await request('PUT', '/api/budget', { limit: 2 });
    await make('click-one');
    await hasState('click-one', 'ended');
    await make('click-two');
    await hasState('click-two', 'ended');
    await expect.poll(spent).toBe(0.42);
    // On disk a moment later than in memory.
    await expect.poll(async () => (await start()).spent()).toBe(0.42);
  });

  test('an event stream leaves nothing behind when its page leaves', async () => {
    const { events, start } = await openStudio();
    const { request } = await start();
    const read = async () => {
      const response = await request('GET', '/api/events');
      const reader = response.body?.getReader();
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toContain('hello');
      return reader;
    };
    const left = await read();
    const staying = await read();
    expect(events.streams).toBe(2);
    await left?.cancel();
    await expect.poll(() => events.streams).toBe(1);
    events.publish('budget', { spent: 1 });
    expect(Buffer.from((await staying?.read())?.value ?? []).toString()).toContain('"spent":1');
    events.close();
    expect((await staying?.read())?.done).toBe(true);
    await expect.poll(() => events.streams).toBe(0);
  });
});
