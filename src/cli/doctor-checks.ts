/** The checks of `doctor` that are free. */
import {
  ConnectionError,
  InvalidResponseError,
  PermissionError,
  AuthenticationError,
  RequestTimeoutError,
  type WaveSpeedKling,
} from '../index.js';
import { proxyFromEnvironment } from './client.js';
import { interrupted } from './interrupt.js';
import { attempt, type Check } from './doctor-check.js';
import { modelChecks } from './doctor-models.js';
import { describe } from './messages.js';

const MIN_NODE = [20, 18, 1] as const;
const LISTED = 5;

function checkNode(): Check {
  const parts = process.versions.node.split('.').map(Number);
  const difference =
    MIN_NODE.map((least, index) => (parts[index] ?? 0) - least).find((one) => one !== 0) ?? 0;
  const detail = `${process.versions.node} (${MIN_NODE.join('.')} or later)`;
  return { check: 'node', ok: difference >= 0, detail };
}

function checkProxy(): Check {
  const proxy = proxyFromEnvironment();
  if (proxy === undefined) return { check: 'proxy', ok: true, detail: 'none' };
  if (!URL.canParse(proxy)) return { check: 'proxy', ok: false, detail: 'HTTPS_PROXY is not a URL' };
  return { check: 'proxy', ok: true, detail: new URL(proxy).host };
}

async function checkAccount(kling: WaveSpeedKling): Promise<Check[]> {
  try {
    const balance = await kling.balance({ signal: interrupted });
    return [
      { check: 'network', ok: true, detail: 'the API responds' },
      { check: 'key', ok: true, detail: 'accepted' },
      { check: 'balance', ok: balance > 0, detail: `$${balance}` },
    ];
  } catch (error) {
    interrupted.throwIfAborted();
    const { message: detail } = describe(error);
    if (AuthenticationError.isInstance(error) || PermissionError.isInstance(error)) {
      return [
        { check: 'network', ok: true, detail: 'the API responds' },
        { check: 'key', ok: false, detail },
      ];
    }
    const isNetwork = [ConnectionError, RequestTimeoutError, InvalidResponseError].some(
      (one) => error instanceof one,
    );
    return [{ check: isNetwork ? 'network' : 'balance', ok: false, detail }];
  }
}

async function checkList(kling: WaveSpeedKling): Promise<Omit<Check, 'check'>> {
  const tasks = [];
  for await (const task of kling.list({ page_size: LISTED, include_inputs: true }, { signal: interrupted })) {
    tasks.push(task);
    if (tasks.length >= LISTED) break;
  }
  if (tasks.length === 0) return { ok: true, detail: 'no task in the last 7 days' };
  const broken = tasks.find((task) => task.model === '' || Number.isNaN(Date.parse(task.created_at)));
  if (broken !== undefined) {
    return { ok: false, detail: `task ${broken.id} has no model, or no time in created_at` };
  }
  const withInput = tasks.filter(
    ({ inputs, input }) => typeof (inputs ?? input ?? undefined) === 'object',
  ).length;
  const inputs =
    withInput === 0 ? 'without inputs: a lost submit cannot be matched' : `${withInput} with their input`;
  return { ok: true, detail: `${tasks.length} tasks, ${inputs}` };
}

async function checkSecret(kling: WaveSpeedKling): Promise<Omit<Check, 'check'>> {
  const secret = await kling.webhookSecret({ signal: interrupted });
  const ok = /^whsec_\S+$/.test(secret);
  return { ok, detail: ok ? 'whsec_…' : 'does not begin with whsec_' };
}

export function* localChecks(): Generator<Check, void, void> {
  yield checkNode();
  yield checkProxy();
}

export async function* serviceChecks(kling: WaveSpeedKling): AsyncGenerator<Check, void, void> {
  const account = await checkAccount(kling);
  yield* account;
  if (account.some(({ check, ok }) => !ok && check !== 'balance')) return;
  yield* modelChecks(kling);
  yield await attempt('list', () => checkList(kling));
  yield await attempt('webhook secret', () => checkSecret(kling));
}
