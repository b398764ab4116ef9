/** Relates the parallel calls that one `generateVideo({ n: 3 })` makes: each knows its place and the others' tasks. */
import { ConfigurationError, SubmissionUnknownError, WaitAbortedError, WaveSpeedError } from '../index.js';
import type { VideoCallOptions } from './types.js';

/** One call among those of the same `generateVideo`. */
export interface SiblingCall {
  /** Place among them, from 0. */
  readonly index: number;
  /** Aborts with the caller's signal, and when a sibling has failed: `generateVideo` then discards this video. */
  readonly signal: AbortSignal;
  /** Id of this call's task, once it was accepted. */
  predictionId: string | undefined;
}

interface Member extends SiblingCall {
  readonly options: VideoCallOptions;
  readonly stop: AbortController;
  /** Settles with what the call rejected with, if it did. */
  done: Promise<unknown>;
}

interface Group {
  members: Member[];
  /** Number of calls in flight. */
  pending: number;
  /** Reason why none of the calls may be sent. */
  rejection: ConfigurationError | undefined;
  /** The first failure, which names the tasks of the siblings. */
  failure: Promise<unknown> | undefined;
}

/** Runs a call; where it fails, the error names the tasks of its siblings. */
type RunCall = <T>(options: VideoCallOptions, work: (call: SiblingCall) => Promise<T>) => Promise<T>;

/** Settings that the calls of one `generateVideo` share. */
const SHARED = [
  'prompt',
  'aspectRatio',
  'resolution',
  'duration',
  'fps',
  'seed',
  'image',
  'frameImages',
  'inputReferences',
  'generateAudio',
  'abortSignal',
] as const satisfies readonly (keyof VideoCallOptions)[];

/**
 * Relates calls of `doGenerate`: ai 6 and 7 pass the same `headers` object to the calls of one `generateVideo`, and to
 * no others. When one fails, the others are aborted.
 */
export function relateGenerateCalls(): RunCall {
  const groups = new WeakMap<object, Group>();
  return (options, work) => {
    const { headers } = options;
    const known = headers && groups.get(headers);
    // A later call is of another `generateVideo`, unless it is a call that is repeated.
    const isSibling =
      known !== undefined &&
      (known.pending > 0 || known.members.some((member) => member.options === options));
    const group = isSibling ? known : createGroup();
    if (headers !== undefined) groups.set(headers, group);
    return runMember(group, options, work, true);
  };
}

/**
 * Relates calls of `doStart`, which share no object: those that have the same settings and are in flight together. They
 * may belong to two calls of `generateVideo`, so that they only name each other.
 */
export function relateStartCalls(): RunCall {
  const groups = new Set<Group>();
  return async (options, work) => {
    const group = [...groups].find(({ members }) => members.some((one) => isAlike(one.options, options)));
    const joined = group ?? createGroup();
    groups.add(joined);
    try {
      return await runMember(joined, options, work, false);
    } finally {
      groups.delete(joined);
    }
  };
}

function createGroup(): Group {
  return { members: [], pending: 0, rejection: undefined, failure: undefined };
}

function isAlike(one: VideoCallOptions, other: VideoCallOptions): boolean {
  return SHARED.every((name) => one[name] === other[name]);
}

async function runMember<T>(
  group: Group,
  options: VideoCallOptions,
  work: (call: SiblingCall) => Promise<T>,
  abortSiblings: boolean,
): Promise<T> {
  if (options.n > 1) {
    // `generateVideo({ n: 3, maxVideosPerCall: 2 })` makes another call, of one video: that is not sent either.
    group.rejection ??= new ConfigurationError(
      `\`n\`: got ${options.n} in one call; nothing was sent. Leave out \`maxVideosPerCall\`: each video is a task of its own.`,
    );
  }
  const member = join(group, options);
  group.pending++;
  const running = (async () => {
    if (group.rejection !== undefined) throw group.rejection;
    return work(member);
  })();
  member.done = running.then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    return await running;
  } catch (error) {
    if (group.members.length === 1) throw error;
    if (!abortSiblings) throw await nameSiblings(error, group, member);
    for (const { stop } of group.members) stop.abort(error);
    // All reject with the first error: `generateVideo` passes on whichever comes first.
    group.failure ??= nameSiblings(error, group, member);
    throw await group.failure;
  } finally {
    if (--group.pending === 0) group.failure = undefined;
  }
}

/** Adds a call to its group; a call that is repeated keeps its place, and with it its idempotency key. */
function join(group: Group, options: VideoCallOptions): Member {
  const known = group.members.findIndex((member) => member.options === options);
  const index = known === -1 ? group.members.length : known;
  const stop = new AbortController();
  const { abortSignal } = options;
  const signal = abortSignal === undefined ? stop.signal : AbortSignal.any([abortSignal, stop.signal]);
  const member: Member = { index, options, stop, signal, predictionId: undefined, done: Promise.resolve() };
  group.members[index] = member;
  return member;
}

/** `generateVideo` rejects with the first error and drops the other results: the error is the place for their ids. */
async function nameSiblings(error: unknown, group: Group, failed: Member): Promise<unknown> {
  const others = group.members.filter((member) => member !== failed);
  const ids: string[] = [];
  let unknown = 0;
  for (const other of others) {
    const reason = await other.done;
    const id = other.predictionId ?? (WaveSpeedError.isInstance(reason) ? reason.predictionId : undefined);
    if (id !== undefined) ids.push(id);
    else if (SubmissionUnknownError.isInstance(reason)) unknown++;
  }
  const { abortSignal } = failed.options;
  const isAbort = abortSignal?.aborted === true && error === abortSignal.reason;
  const named = isAbort && ids[0] !== undefined ? new WaitAbortedError(ids[0], error) : error;
  if (!WaveSpeedError.isInstance(named) || named.otherPredictionIds !== undefined) return named;

  const rest = ids.filter((id) => id !== named.predictionId);
  if (rest.length > 0) {
    named.otherPredictionIds = rest;
    named.message +=
      ` Other tasks were accepted and are paid for: ${rest.join(', ')}. Wait for each with ` +
      'providerOptions.wavespeedKling.resume.';
  }
  if (unknown > 0) named.message += ` Other submits with an unknown outcome: ${unknown}.`;
  return named;
}
