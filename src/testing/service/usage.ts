/** `POST /user/usage_stats`: what the account's tasks cost, less the refunds, by model and by day. */
import { readTime } from './billings.js';
import type { Task } from './task.js';
import { asFields } from './validate.js';

interface UsageStats {
  per_model_usage: {
    model_uuid: string;
    total_cost: number;
    total_count: number;
    unit_price: number;
    last_used_date: string;
  }[];
  daily_usage: { date: string; amount: number; count: number }[];
  summary: { total_cost: number; total_requests: number; success_requests: number };
}

/** Dollars to 0.0001: sums of prices have errors far below it. */
const exact = (dollars: number) => Math.round(dollars * 10_000) / 10_000;

const costOf = (tasks: readonly Task[]) =>
  exact(tasks.reduce((sum, task) => sum + (task.refunded ? 0 : task.cost), 0));

const dayOf = (task: Task) => new Date(task.createdAt).toISOString().slice(0, 10);

function groupBy(tasks: readonly Task[], keyOf: (task: Task) => string): [string, Task[]][] {
  const groups = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = keyOf(task);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  return [...groups];
}

export function usageStats(tasks: readonly Task[], body: unknown): UsageStats | string {
  const fields = asFields(body ?? {});
  if (fields === undefined) return 'the body must be a JSON object';
  const { model_uuid, start_time, end_time } = fields;
  const from = readTime(start_time, Number.NaN);
  const to = readTime(end_time, Number.NaN);
  if (Number.isNaN(from)) return "property 'start_time' must be an ISO 8601 time";
  if (Number.isNaN(to)) return "property 'end_time' must be an ISO 8601 time";
  const used = tasks.filter(
    ({ createdAt, model }) =>
      createdAt >= from && createdAt <= to && (model_uuid === undefined || model === model_uuid),
  );
  return {
    per_model_usage: groupBy(used, ({ model }) => model).map(([model, group]) => ({
      model_uuid: model,
      total_cost: costOf(group),
      total_count: group.length,
      unit_price: exact(costOf(group) / group.length),
      last_used_date: new Date(Math.max(...group.map(({ createdAt }) => createdAt))).toISOString(),
    })),
    daily_usage: groupBy(used, dayOf).map(([date, group]) => ({
      date,
      amount: costOf(group),
      count: group.length,
    })),
    summary: {
      total_cost: costOf(used),
      total_requests: used.length,
      success_requests: used.filter(({ status }) => status === 'completed').length,
    },
  };
}
