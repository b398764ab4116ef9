/** The page: a form that makes tasks, and a list that shows them. */
import './without-eval.js';
import type { BudgetView, TaskView } from '../shared/types.js';
import { Form } from './form.js';
import { TaskList } from './list.js';
import { Maker } from './make.js';
import { endRehearsal, refreshSession, showBudget, startSession } from './session.js';

const list = new TaskList((task) => form.fill(task.model, task.input));
const form = new Form(() => undefined);
const maker = new Maker(form, (task) => {
  list.update(task);
  endRehearsal();
});
startSession();

async function refresh(): Promise<void> {
  const [session] = await Promise.all([refreshSession(), list.load()]);
  maker.mustConfirm = session?.mustConfirm ?? true;
}

let balanceTimer: ReturnType<typeof setTimeout> | undefined;
/** The balance changes with the tasks; many of them at once are one reason to ask. */
function refreshSoon(): void {
  clearTimeout(balanceTimer);
  balanceTimer = setTimeout(() => void refreshSession(), 500);
}

const events = new EventSource('/api/events');
// After a break of the connection as well: what happened meanwhile is read again.
events.addEventListener('hello', () => void refresh());
events.addEventListener('task', ({ data }: MessageEvent<string>) => {
  const task = JSON.parse(data) as TaskView;
  list.update(task);
  if (task.status === 'created' || task.status === 'completed') refreshSoon();
});
events.addEventListener('removed', ({ data }: MessageEvent<string>) =>
  list.remove((JSON.parse(data) as { key: string }).key),
);
events.addEventListener('budget', ({ data }: MessageEvent<string>) =>
  showBudget(JSON.parse(data) as BudgetView),
);
