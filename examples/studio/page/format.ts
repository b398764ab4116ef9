/** Amounts and times in words. */
import { isModelId, models } from 'wavespeed-kling/schemas';

export const modelName = (id: string): string => (isModelId(id) ? models[id].name : id);

/** Writes dollars to a tenth of a cent where there is one: `$0.42`, `$0.672`. */
export function dollars(amount: number): string {
  const text = amount.toFixed(3);
  return `$${text.endsWith('0') ? text.slice(0, -1) : text}`;
}

export function seconds(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false });
const day = new Intl.DateTimeFormat('en', { weekday: 'short', day: 'numeric', month: 'short' });

/** Writes a time of today as a time, and of another day with its day. */
export function time(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

const STATUS_WORDS: Record<string, string> = {
  uploading: 'Uploading',
  submitting: 'Submitting',
  created: 'Queued',
  processing: 'Processing',
  completed: 'Completed',
  failed: 'Failed',
  rejected: 'Not submitted',
  unknown: 'Outcome unknown',
  paused: 'Not followed',
};

export function statusWord(status: string): string {
  return STATUS_WORDS[status] ?? status.charAt(0).toUpperCase() + status.slice(1);
}

/** Tells whether a task with this status is still being made. */
export function isRunning(status: string): boolean {
  return ['uploading', 'submitting', 'created', 'processing', 'queued', 'pending'].includes(status);
}
