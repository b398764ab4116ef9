/** The last lines of a batch: what came of it, what it cost, and the command that continues. */
import { isTerminal, type WaveSpeedKling } from '../index.js';
import { interrupted } from './interrupt.js';
import { quote } from './messages.js';
import { note, paint } from './output.js';
import type { TaskResult } from './task.js';

const BALANCE_TIMEOUT_MS = 10_000;

const dollars = (amount: number) => `$${amount.toFixed(2)}`;

const GROUPS = ['done', 'failed', 'running', 'unknown', 'not submitted'] as const;
type Group = (typeof GROUPS)[number];

/** Results of a batch by what came of them, with their sums in dollars. */
export class Tally {
  readonly #groups = new Map<string, { count: number; cost: number; unpriced: number }>();

  static groupOf({ status, id }: TaskResult): Group {
    if (status === 'completed') return 'done';
    if (status === 'not_submitted') return 'not submitted';
    if (status === 'unknown') return 'unknown';
    return isTerminal(status) || id === undefined ? 'failed' : 'running';
  }

  add(result: TaskResult): void {
    const name = Tally.groupOf(result);
    const { cost } = result;
    const { count, cost: sum, unpriced } = this.#groups.get(name) ?? { count: 0, cost: 0, unpriced: 0 };
    this.#groups.set(name, {
      count: count + 1,
      // Dollars are exact to 0.0001.
      cost: Math.round((sum + (cost ?? 0)) * 1e4) / 1e4,
      unpriced: unpriced + (cost === undefined ? 1 : 0),
    });
  }

  count(...names: Group[]): number {
    return names.reduce((sum, name) => sum + (this.#groups.get(name)?.count ?? 0), 0);
  }

  toString(): string {
    const parts = GROUPS.flatMap((name) => {
      const group = this.#groups.get(name);
      if (group === undefined && name !== 'done') return [];
      const { count, cost, unpriced } = group ?? { count: 0, cost: 0, unpriced: 0 };
      const others = unpriced === 0 ? '' : ` + ${unpriced} of unknown price`;
      const amount = name === 'not submitted' ? '' : ` ${dollars(cost)}${others}`;
      return [`${count} ${name}${amount}${name === 'failed' ? ' (refunded within 3 h)' : ''}`];
    });
    return parts.join(' · ');
  }
}

async function readBalance(kling: WaveSpeedKling): Promise<string> {
  if (interrupted.aborted) return '';
  try {
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(BALANCE_TIMEOUT_MS)]);
    return ` · balance ${dollars(await kling.balance({ signal, maxRetries: 0 }))}`;
  } catch {
    // Not worth an error once everything else is done.
    return '';
  }
}

/** The same command again, with or without flags. */
function sameCommand(added: readonly string[] = []): string {
  const args = process.argv.slice(2);
  const missing = added.filter((flag) => !args.includes(flag));
  return ['wavespeed-kling', ...[...args, ...missing].map(quote)].join(' ');
}

export interface SummaryOptions {
  journal: string | undefined;
  output: string | undefined;
  /** Ids of tasks that continue. */
  running: readonly string[];
}

export async function printSummary(
  kling: WaveSpeedKling,
  tally: Tally,
  options: SummaryOptions,
): Promise<void> {
  const { journal, output, running } = options;
  const isDone = tally.count('failed', 'running', 'unknown', 'not submitted') === 0;
  note(`${String(tally)}${await readBalance(kling)}`, isDone ? paint('green', '✔') : paint('red', '✖'));
  const arrow = paint('yellow', '→');
  if (journal === undefined) {
    if (running.length > 0) {
      note(
        `to resume: wavespeed-kling wait ${running.map(quote).join(' ')} -o ${quote(output ?? 'out')}`,
        arrow,
      );
    } else if (!isDone) {
      note('To pay only for what is missing in a second run, start a batch with --journal FILE.', arrow);
    }
    return;
  }
  if (tally.count('running', 'unknown', 'not submitted') > 0) note(`to continue: ${sameCommand()}`, arrow);
  else if (tally.count('failed') > 0)
    note(`to retry the failed rows: ${sameCommand(['--retry-failed'])}`, arrow);
}
