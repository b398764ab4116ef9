/** The queue of faults: validates them and finds the one that applies to a request. */
import { checkChoice, checkFields } from '../check.js';
import type { AcceptedFlag, Fault, FaultKind, FaultTarget, FaultTurn, ResetFault } from './faults.js';
import type { LoggedRequest } from './request-log.js';
import { type Operation, OPERATIONS } from './route.js';

const FIELDS: {
  readonly [Kind in FaultKind['kind']]: readonly (keyof Extract<FaultKind, { kind: Kind }>)[];
} = {
  status: ['status', 'body', 'headers'],
  reset: ['when', 'how', 'onlyReused', 'bytes'],
  hang: ['when', 'bytes'],
  delay: ['ms'],
  drip: ['ms', 'bytes'],
  garbage: [],
  truncate: ['bytes'],
  'not-json': [],
  empty: [],
  envelope: ['code', 'message', 'errorCode', 'status'],
  redirect: ['location', 'status'],
  data: ['patch'],
  compress: ['encoding'],
  extra: ['ms'],
};
const COMMON_FIELDS: readonly (keyof FaultTurn | keyof AcceptedFlag | 'kind')[] = [
  'on',
  'kind',
  'times',
  'after',
  'matching',
  'accepted',
];

function checkFault(fault: Fault): void {
  checkChoice('on', fault.on, [...OPERATIONS, 'any']);
  checkChoice('kind', fault.kind, Object.keys(FIELDS));
  checkFields(`fail, kind ${fault.kind}`, fault, [...COMMON_FIELDS, ...FIELDS[fault.kind]]);
  if (fault.kind === 'reset') checkChoice('when', fault.when, ['connection', 'request', 'headers', 'body']);
  if (fault.kind === 'compress') checkChoice('encoding', fault.encoding, ['gzip', 'deflate', 'br']);
  if (fault.kind === 'hang') checkChoice('when', fault.when, ['headers', 'body']);
  if (fault.kind === 'status') checkStatus(fault.status);
  if (fault.kind === 'redirect' && typeof fault.location !== 'string') {
    throw new RangeError(`location: got ${String(fault.location)}; expected a URL`);
  }
}

function checkStatus(status: unknown): void {
  if (Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599) return;
  throw new RangeError(`status: got ${String(status)}; expected an HTTP status, from 200 to 599`);
}

const UPLOAD_STEPS: readonly string[] = ['upload', 'ticket', 'put'] satisfies Operation[];

export function isAccepted(fault: FaultKind): boolean {
  if (fault.accepted !== undefined) return fault.accepted;
  switch (fault.kind) {
    case 'delay':
    case 'drip':
    case 'truncate':
    case 'data':
    case 'compress':
    case 'extra':
      return true;
    case 'reset':
      return fault.when === 'headers' || fault.when === 'body';
    case 'hang':
      return fault.when === 'body';
    case 'status':
    case 'garbage':
    case 'not-json':
    case 'empty':
    case 'envelope':
    case 'redirect':
      return false;
  }
}

function matchesOperation(on: FaultTarget, operation: Operation): boolean {
  return on === 'any' || on === operation || (on === 'upload' && UPLOAD_STEPS.includes(operation));
}

export class FaultQueue {
  #waiting: { fault: Fault; after: number; times: number }[] = [];

  add(fault: Fault): void {
    checkFault(fault);
    const times = fault.times ?? 1;
    const after = fault.after ?? 0;
    if (Number.isNaN(times) || times < 1) throw new RangeError(`times: got ${times}; expected 1 or more`);
    if (Number.isNaN(after) || after < 0) throw new RangeError(`after: got ${after}; expected 0 or more`);
    this.#waiting.push({ fault, after, times });
  }

  clear(): void {
    this.#waiting = [];
  }

  take(request: LoggedRequest): Fault | undefined {
    return this.#next(
      (fault) =>
        !isConnectionReset(fault) &&
        matchesOperation(fault.on, request.operation) &&
        (fault.kind !== 'reset' || fault.onlyReused !== true || request.reused) &&
        (fault.matching === undefined || fault.matching(request)),
    );
  }

  takeConnection(): ResetFault | undefined {
    return this.#next(isConnectionReset) as (Fault & ResetFault) | undefined;
  }

  #next(matches: (fault: Fault) => boolean): Fault | undefined {
    for (const waiting of this.#waiting) {
      if (!matches(waiting.fault)) continue;
      if (waiting.after > 0) {
        waiting.after -= 1;
        continue;
      }
      waiting.times -= 1;
      if (waiting.times <= 0) this.#waiting = this.#waiting.filter((other) => other !== waiting);
      return waiting.fault;
    }
    return undefined;
  }
}

function isConnectionReset(fault: Fault): boolean {
  return fault.kind === 'reset' && fault.when === 'connection';
}
