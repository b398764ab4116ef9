'use server';

import { redirect } from 'next/navigation';
import { WaveSpeedError } from 'wavespeed-kling';
import { saveOrder } from '../lib/orders';
import { submitOrder } from '../lib/videos';

/** Submits the form's video. A second click, or a retry after a crash, sends the same key and pays nothing. */
export async function makeVideo(_: string | undefined, form: FormData): Promise<string | undefined> {
  const key = form.get('key');
  const prompt = form.get('prompt');
  if (typeof key !== 'string' || key === '' || typeof prompt !== 'string') return 'Reload the page.';
  // First: the cron route picks up an order whose submit was interrupted.
  await saveOrder({ key, prompt });
  try {
    await submitOrder({ key, prompt });
  } catch (error) {
    if (WaveSpeedError.isInstance(error)) return error.message;
    throw error;
  }
  redirect(`/videos/${key}`);
}
