/**
 * The ways a network and a gateway fail, and whose turn it is to fail next.
 */
import { checkChoice, checkFields } from '../check.js';
import type { LoggedRequest } from './request-log.js';
import { type Operation, OPERATIONS } from './route.js';

/** What a fault can be set on: one call, `upload` for every step of one, `any` for all. */
export type FaultTarget = Operation | 'any';

/** When a fault strikes. */
export interface FaultTurn {
  /** Which calls it strikes. A reset of the bare `connection` strikes whatever comes: nothing is known of it yet. */
  on: FaultTarget;
  /** How many times it strikes; `Infinity` for always. Default 1. */
  times?: number | undefined;
  /** How many matching calls it lets pass first. Default 0. */
  after?: number | undefined;
  /** Narrows it further, say to one path or header. */
  matching?: ((request: LoggedRequest) => boolean) | undefined;
}

interface AcceptedFlag {
  /** Whether the call takes effect before it fails; for a submit: the task is created and charged. */
  accepted?: boolean | undefined;
}

/** Answers with a status of your choice. Not accepted unless you say so. */
export interface StatusFault extends AcceptedFlag {
  kind: 'status';
  status: number;
  /** An object is sent as JSON, a text as it is (HTML when it begins with `<`), `''` as nothing. Default: the envelope. */
  body?: unknown;
  headers?: Record<string, string> | undefined;
}

/** Breaks the connection. Accepted by default only where the answer was begun: `headers` and `body`. */
export interface ResetFault extends AcceptedFlag {
  kind: 'reset';
  /** As soon as it is made; after the request was read; after part of the answer's header block; after part of its body. */
  when: 'connection' | 'request' | 'headers' | 'body';
  /** With a TCP reset, or an orderly end in the wrong place. Default `rst`. */
  how?: 'rst' | 'fin' | undefined;
  /** With `request`: strikes only a connection that carried a request before, the moment the next one arrives on it. */
  onlyReused?: boolean | undefined;
  /** With `body`: how many bytes are sent first. Default: half. */
  bytes?: number | undefined;
}

/** Stops answering and keeps the connection: before the headers, or after part of the body. Accepted by default only with `body`. */
export interface HangFault extends AcceptedFlag {
  kind: 'hang';
  when: 'headers' | 'body';
  /** With `body`: how many bytes are sent first. Default: half. */
  bytes?: number | undefined;
}

/** Answers well, but late. Accepted at once, by default. */
export interface DelayFault extends AcceptedFlag {
  kind: 'delay';
  /** How late, in milliseconds. */
  ms: number;
}

/** Answers well, a piece at a time. Accepted by default. */
export interface DripFault extends AcceptedFlag {
  kind: 'drip';
  /** The wait before each piece, in milliseconds. */
  ms: number;
  /** The size of a piece in bytes. Default: a sixteenth of the body. */
  bytes?: number | undefined;
}

/** Answers with bytes that are not HTTP. Not accepted by default. */
export interface GarbageFault extends AcceptedFlag {
  kind: 'garbage';
}

/** Announces more bytes than it sends, and ends the connection. Accepted by default. */
export interface TruncateFault extends AcceptedFlag {
  kind: 'truncate';
  /** How many bytes are sent. Default: half. */
  bytes?: number | undefined;
}

/** Answers 200 with an HTML page. Not accepted by default. */
export interface NotJsonFault extends AcceptedFlag {
  kind: 'not-json';
}

/** Answers 200 with no body. Not accepted by default. */
export interface EmptyFault extends AcceptedFlag {
  kind: 'empty';
}

/** Answers with an error in the envelope under an HTTP status that is a success. Not accepted by default. */
export interface EnvelopeFault extends AcceptedFlag {
  kind: 'envelope';
  code: number;
  message: string;
  /** Sent as `error_code`. */
  errorCode?: string | undefined;
  /** The HTTP status. Default 200. */
  status?: number | undefined;
}

/** Sends the caller elsewhere. Not accepted by default. */
export interface RedirectFault extends AcceptedFlag {
  kind: 'redirect';
  location: string;
  /** Default 307, which keeps the method and the body. */
  status?: number | undefined;
}

/** Answers well, with other data. Accepted by default. */
export interface DataFault extends AcceptedFlag {
  kind: 'data';
  /** Fields to put in (`undefined` takes one out), `null` for no data at all, or a function of the data. */
  patch: Record<string, unknown> | null | ((data: unknown) => unknown);
}

/** How a call fails. */
export type FaultKind =
  | StatusFault
  | ResetFault
  | HangFault
  | DelayFault
  | DripFault
  | GarbageFault
  | TruncateFault
  | NotJsonFault
  | EmptyFault
  | EnvelopeFault
  | RedirectFault
  | DataFault;

/** How a call fails, which one, and how often. */
export type Fault = FaultTurn & FaultKind;

/** The fields of each kind, beside those that all have. */
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
};
const COMMON_FIELDS: readonly (keyof FaultTurn | keyof AcceptedFlag | 'kind')[] = [
  'on',
  'kind',
  'times',
  'after',
  'matching',
  'accepted',
];

/** Refuses a fault that would never strike, or not as it was meant. */
function checkFault(fault: Fault): void {
  checkChoice('on', fault.on, [...OPERATIONS, 'any']);
  checkChoice('kind', fault.kind, Object.keys(FIELDS));
  checkFields(`fail, kind ${fault.kind}`, fault, [...COMMON_FIELDS, ...FIELDS[fault.kind]]);
  if (fault.kind === 'reset') checkChoice('when', fault.when, ['connection', 'request', 'headers', 'body']);
  if (fault.kind === 'hang') checkChoice('when', fault.when, ['headers', 'body']);
}

const UPLOAD_STEPS: readonly string[] = ['upload', 'ticket', 'put'] satisfies Operation[];

/** Tells whether a fault lets the call take effect. */
export function isAccepted(fault: FaultKind): boolean {
  if (fault.accepted !== undefined) return fault.accepted;
  switch (fault.kind) {
    case 'delay':
    case 'drip':
    case 'truncate':
    case 'data':
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

function strikesOperation(on: FaultTarget, operation: Operation): boolean {
  return on === 'any' || on === operation || (on === 'upload' && UPLOAD_STEPS.includes(operation));
}

/** Keeps the faults that were set, in their order, and hands out each in its turn. */
export class FaultQueue {
  #waiting: { fault: Fault; after: number; times: number }[] = [];

  /** @throws {RangeError} for a fault that cannot be meant. */
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

  /** Takes the fault that strikes this request, if any. */
  take(request: LoggedRequest): Fault | undefined {
    return this.#next(
      (fault) =>
        !strikesConnection(fault) &&
        strikesOperation(fault.on, request.operation) &&
        (fault.kind !== 'reset' || fault.onlyReused !== true || request.reused) &&
        (fault.matching === undefined || fault.matching(request)),
    );
  }

  /** Takes the fault that strikes a connection just made, if any. */
  takeConnection(): ResetFault | undefined {
    return this.#next(strikesConnection) as (Fault & ResetFault) | undefined;
  }

  #next(strikes: (fault: Fault) => boolean): Fault | undefined {
    for (const waiting of this.#waiting) {
      if (!strikes(waiting.fault)) continue;
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

function strikesConnection(fault: Fault): boolean {
  return fault.kind === 'reset' && fault.when === 'connection';
}
