/** What a service and the gateways in front of it do at random. A submit meets the same with the same seed. */
import { KLING_O1 } from '../../src/index.js';
import type { Emulator, Fault, FaultKind, LoggedRequest } from '../../src/testing/index.js';
import { createRandom } from '../soak/random.mjs';

/** How often each fault took effect. */
export type Effects = Record<string, number>;

const PAGE = '<html><head><title>Gateway</title></head><body>no</body></html>';

/** Sets the faults; returns what ends them. */
export function setServiceFaults(emulator: Emulator, seed: number, effects: Effects): () => void {
  let isOver = false;
  // Of another model: a task of the same one, which nobody explains, would leave keys open.
  const stranger = emulator.addTask({ model: KLING_O1, input: { prompt: 'Of another program' } });
  const kinds = createKinds(stranger.prediction());
  const drawn = new WeakMap<LoggedRequest, Drawn>();
  const turns = new Map<string, number>();
  const draw = (request: LoggedRequest): Drawn => {
    const before = drawn.get(request);
    if (before !== undefined) return before;
    const { prompt } = (request.body ?? {}) as { prompt?: string };
    const subject = `${request.operation} ${prompt}`;
    const turn = (turns.get(subject) ?? 0) + 1;
    turns.set(subject, turn);
    const random = createRandom(hash(`${seed} ${subject} ${turn}`));
    const names = Object.keys(kinds).filter((name) => kinds[name]?.on === request.operation);
    const isHit = !isOver && names.length > 0 && random.chance(SHARE);
    const now = { name: isHit ? random.pick(names) : undefined, status: random.int(400, 499) };
    if (now.name !== undefined) effects[now.name] = (effects[now.name] ?? 0) + 1;
    drawn.set(request, now);
    return now;
  };
  for (const [name, { on, create }] of Object.entries(kinds)) {
    // A fault has one status.
    const statuses = name.includes('page') ? Array.from({ length: 100 }, (_, index) => 400 + index) : [0];
    for (const status of statuses) {
      const matching = (request: LoggedRequest) => {
        const now = draw(request);
        return now.name === name && (status === 0 || now.status === status);
      };
      emulator.fail({ on, ...create(status), times: Infinity, matching } as Fault);
    }
  }
  return () => {
    isOver = true;
  };
}

/** Of the requests. */
const SHARE = 0.2;

interface Drawn {
  name: string | undefined;
  status: number;
}

interface Kind {
  on: 'submit' | 'result' | 'list';
  create: (status: number) => FaultKind;
}

function createKinds(stranger: unknown): Record<string, Kind> {
  const page = (status: number, accepted: boolean) =>
    ({ kind: 'status', status, body: PAGE, accepted }) as const;
  return {
    'submit: page, accepted': { on: 'submit', create: (status) => page(status, true) },
    'submit: page, not accepted': { on: 'submit', create: (status) => page(status, false) },
    'submit: another task': { on: 'submit', create: () => ({ kind: 'data', patch: () => stranger }) },
    'submit: extra response': { on: 'submit', create: () => ({ kind: 'extra' }) },
    'submit: reset, accepted': {
      on: 'submit',
      create: () => ({ kind: 'reset', when: 'request', accepted: true }),
    },
    'poll: page': { on: 'result', create: (status) => page(status, false) },
    'poll: another task': { on: 'result', create: () => ({ kind: 'data', patch: () => stranger }) },
    'poll: extra response': { on: 'result', create: () => ({ kind: 'extra' }) },
    'list: page': { on: 'list', create: (status) => page(status, false) },
    'list: rewritten inputs': { on: 'list', create: () => ({ kind: 'data', patch: rewriteInputs }) },
    'list: no inputs': { on: 'list', create: () => ({ kind: 'data', patch: hideInputs }) },
  };
}

interface Page {
  items: { input?: { prompt: string }; inputs?: { prompt: string } }[];
}

/** As a service that trims, or keeps a copy of its own. */
const rewriteInputs = (data: unknown) => ({
  ...(data as Page),
  items: (data as Page).items.map((item) => {
    const input = item.inputs ?? item.input;
    return input === undefined ? item : { ...item, inputs: { ...input, prompt: `${input.prompt}.` } };
  }),
});

const hideInputs = (data: unknown) => ({
  ...(data as Page),
  items: (data as Page).items.map((item) => ({ ...item, input: undefined, inputs: undefined })),
});

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}
