/** POST /webhooks: the end of a task, from the service. WEBHOOK_URL is this route's public address. */
import { createWebhookReceiver } from 'wavespeed-kling/webhooks';
import { getKling } from '../../lib/kling';

const receiver = createWebhookReceiver({
  // A function: `next build` runs this module, without a key.
  secret: () => getKling().webhookSecret(),
  onEvent: async (event) => void (await getKling().settle(event)),
});

export const POST = receiver.fetch;
