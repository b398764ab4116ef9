/** The steps of a video. Each takes one short request, and every one may be repeated. */
import { isTerminal, KLING_O3_STD, WaveSpeedError } from 'wavespeed-kling';
import { getKling } from './kling';
import type { Order } from './orders';

export interface Status {
  status: string;
  url?: string;
  error?: string;
}

/** Submits an order once, however often it is called. */
export async function submitOrder({ key, prompt }: Order): Promise<string> {
  const webhookUrl = process.env.WEBHOOK_URL;
  const task = await getKling().submit(
    KLING_O3_STD,
    { prompt, duration: 5 },
    { idempotencyKey: key, whenAbsent: 'resubmit', timeoutMs: 50_000, webhookUrl },
  );
  return task.id;
}

/** Looks at an order once, without waiting. */
export async function readStatus(key: string): Promise<Status | undefined> {
  const kling = getKling();
  const known = await kling.lookup(key);
  if (known?.predictionId === undefined) return known && { status: known.state };
  try {
    const task = known.prediction ?? (await kling.get(known.predictionId));
    if (known.prediction === undefined && isTerminal(task.status)) await kling.settle(task);
    return { status: task.status, url: task.outputs[0], error: task.error || undefined };
  } catch (error) {
    // The next look may succeed.
    return { status: WaveSpeedError.isInstance(error) ? `not read: ${error.name}` : 'not read' };
  }
}
