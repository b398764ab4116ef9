/** The head of the page: the service, what is left and what was spent; the budget, and the emulator's rehearsals. */
import type { BudgetView, SessionView } from '../shared/types.js';
import { api, RequestFailed } from './api.js';
import { find, setText } from './dom.js';
import { dollars } from './format.js';

const SERVICE: Record<SessionView['mode'], string> = {
  emulator: 'Emulator, free',
  local: 'Local server',
  live: 'Live, charged',
};

const budgetField = find<HTMLInputElement>('budget');

/** Asks the server how things stand, and shows it. */
export async function refreshSession(): Promise<SessionView | undefined> {
  const banner = find('banner');
  try {
    const session = await api.session();
    setText(find('service'), SERVICE[session.mode]);
    find('service').dataset['mode'] = session.mode;
    find('service').title = session.host;
    setText(find('balance'), session.balance === undefined ? 'unknown' : dollars(session.balance));
    find('rehearsal-field').hidden = session.mode !== 'emulator';
    banner.hidden = session.problem === undefined;
    setText(banner, session.problem?.message ?? '');
    showBudget(session.budget);
    return session;
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    banner.hidden = false;
    setText(banner, error.message);
    return undefined;
  }
}

export function showBudget({ limit, spent }: BudgetView): void {
  setText(find('spent'), limit === null ? dollars(spent) : `${dollars(spent)} of ${dollars(limit)}`);
  if (document.activeElement !== budgetField) budgetField.value = limit === null ? '' : String(limit);
}

/** Lets the budget and the rehearsals be changed. */
export function startSession(): void {
  budgetField.addEventListener('change', () => {
    const limit = budgetField.value === '' ? null : Number(budgetField.value);
    if (limit === null || limit >= 0) void api.setBudget(limit).then(showBudget);
  });
  const rehearsal = find<HTMLSelectElement>('rehearsal');
  rehearsal.addEventListener('change', () => void api.rehearse(rehearsal.value));
}

/** What was rehearsed has happened: the next submit works again. */
export function endRehearsal(): void {
  find<HTMLSelectElement>('rehearsal').value = 'none';
}
