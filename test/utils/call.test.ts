/** The end of a call: its signal, its deadline, the stop of a batch, and what may outlast them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Call } from '../../src/utils/call.js';
import { rejection } from '../support/client.js';

const never = () => new Promise<never>(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('an abort ends a call with the reason of the signal', async () => {
  const controller = new AbortController();
  const call = new Call({ signal: controller.signal, timeoutMs: 1000 });
  const running = rejection(call.run(never()));
  controller.abort('left');
  expect(await running).toBe('left');
  expect([call.wasAborted, call.hasExpired]).toEqual([true, false]);
  call.close();
  expect(vi.getTimerCount()).toBe(0);
});

test('the deadline ends a call with the reason that it creates', async () => {
  const call = new Call({ timeoutMs: 1000, createTimeoutError: (ms) => `after ${ms} ms` });
  const running = rejection(call.run(never()));
  await vi.advanceTimersByTimeAsync(1000);
  expect(await running).toBe('after 1000 ms');
  expect([call.wasAborted, call.hasExpired]).toEqual([false, true]);
});

test('throwIfEnded throws after the deadline although its timer has not fired yet, as after a freeze', () => {
  const call = new Call({ timeoutMs: 1000 });
  call.throwIfEnded();
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 1000);
  expect(() => call.throwIfEnded()).toThrow('timeoutMs (1000 ms) ran out');
  call.close();
});

test('extend moves the deadline', async () => {
  const call = new Call({ timeoutMs: 1000 });
  await vi.advanceTimersByTimeAsync(900);
  call.extend(500);
  await vi.advanceTimersByTimeAsync(500);
  expect(call.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(call.signal.aborted).toBe(true);
});

test('untimed work does not count, however long it takes', async () => {
  const call = new Call({ timeoutMs: 1000 });
  await vi.advanceTimersByTimeAsync(400);
  const waiting = call.untimed(() => call.sleep(60_000));
  await vi.advanceTimersByTimeAsync(60_000);
  await waiting;
  await vi.advanceTimersByTimeAsync(599);
  expect(call.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(call.hasExpired).toBe(true);
});

test('the stop of a batch ends a call, but not between commit and rollback', () => {
  const stop = new AbortController();
  const call = new Call({ stop: stop.signal });
  call.commit();
  stop.abort('no more');
  expect(call.signal.aborted).toBe(false);
  call.rollback();
  expect(call.signal.reason).toBe('no more');
});

test('grace waits for 5 seconds after the end of the call', async () => {
  const call = new Call({ timeoutMs: 1000 });
  const kept = call.grace(new Promise((resolve) => setTimeout(resolve, 5999, 'late')));
  const lost = rejection(call.grace(never()));
  await vi.advanceTimersByTimeAsync(6000);
  expect(await kept).toBe('late');
  expect(await lost).toBe(call.signal.reason);
  expect(vi.getTimerCount()).toBe(0);
});

test('grace ends by the real clock where the clock of a test stands still', async () => {
  const controller = new AbortController();
  const call = new Call({ signal: controller.signal });
  const waiting = rejection(call.grace(never()));
  controller.abort('left');
  expect(await waiting).toBe('left');
  expect(vi.getTimerCount()).toBe(0);
});

test('a closed call leaves no listener on the signals', () => {
  const [signal, stop] = [new AbortController().signal, new AbortController().signal];
  const added = [signal, stop].map((target) => vi.spyOn(target, 'addEventListener'));
  const removed = [signal, stop].map((target) => vi.spyOn(target, 'removeEventListener'));
  const call = new Call({ signal, stop, timeoutMs: 1000 });
  call.close();
  expect(added.map((spy) => spy.mock.calls.length)).toEqual([1, 1]);
  expect(removed.map((spy) => spy.mock.calls.length)).toEqual([1, 1]);
  expect(vi.getTimerCount()).toBe(0);
});
