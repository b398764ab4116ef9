/** What was asked for, by key. Use your database instead of a file. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';

export interface Order {
  key: string;
  prompt: string;
}

const FILE = '.data/orders.jsonl';

export async function saveOrder(order: Order): Promise<void> {
  await mkdir('.data', { recursive: true });
  await appendFile(FILE, `${JSON.stringify(order)}\n`);
}

export async function readOrders(): Promise<Order[]> {
  const text = await readFile(FILE, 'utf8').catch(() => '');
  const orders = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Order);
  return [...new Map(orders.map((order) => [order.key, order])).values()];
}
