/** GET /api/cron: picks up what was left, such as submits that were interrupted and webhooks that were lost. Call it every minute. */
import { readOrders } from '../../../lib/orders';
import { readStatus, submitOrder } from '../../../lib/videos';

export const dynamic = 'force-dynamic';

export async function GET(request: Request): Promise<Response> {
  const secret = process.env.CRON_SECRET;
  if (secret !== undefined && request.headers.get('authorization') !== `Bearer ${secret}`) {
    return new Response('Forbidden', { status: 403 });
  }
  const results: Record<string, string> = {};
  for (const order of await readOrders()) {
    try {
      const known = await readStatus(order.key);
      const isOpen = known === undefined || known.status === 'sending' || known.status === 'idle';
      if (isOpen) await submitOrder(order);
      results[order.key] = (await readStatus(order.key))?.status ?? 'unknown';
    } catch (error) {
      // The next run tries again.
      results[order.key] = String(error);
    }
  }
  return Response.json(results);
}
