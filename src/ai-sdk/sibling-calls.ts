/** Relates the parallel calls of one `generateVideo({ n: 3 })`: each knows its index and the others' tasks. */
import { ConfigurationError, SubmissionUnknownError, WaitAbortedError, WaveSpeedError } from '../index.js';
import type { VideoCallOptions } from './types.js';

export interface SiblingCall {
  readonly index: number;
  /** Aborts with the caller's signal, or when a sibling fails: `generateVideo` then discards this video. */
  readonly signal: AbortSignal;
  predictionId: string | undefined;
}

interface Member extends SiblingCall {
  readonly options: VideoCallOptions;
  readonly stop: AbortController;
  done: Promise<unknown>;
}

interface Group {
  members: Member[];
  pending: number;
  rejection: ConfigurationError | undefined;
  failure: Promise<unknown> | undefined;
}

type RunCall = <T>(options: VideoCallOptions, work: (call: SiblingCall) => Promise<T>) => Promise<T>;

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

/** What `ai` adds to the headers of a call. It makes these headers anew for each `generateVideo`. */
const AI_USER_AGENT = /(?:^|\s)ai\/\d/;

/**
 * Relates calls of `doGenerate` by their `headers`: ai 6 and 7 pass the same object to all calls of one
 * `generateVideo`, and to no other. Headers of another caller relate nothing: a program may use one object for all its
 * calls. When one fails, the others are aborted.
 */
export function relateGenerateCalls(): RunCall {
  const groups = new WeakMap<object, Group>();
  return (options, work) => {
    const headers = isOfAi(options) ? options.headers : undefined;
    const known = headers && groups.get(headers);
    // A later call belongs to another `generateVideo`, unless it repeats a call.
    const isSibling =
      known !== undefined &&
      (known.pending > 0 || known.members.some((member) => member.options === options));
    const group = isSibling ? known : createGroup();
    if (headers !== undefined) groups.set(headers, group);
    return runMember(group, options, work, true);
  };
}

function isOfAi({ headers }: VideoCallOptions): boolean {
  const agent = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'user-agent')?.[1];
  return AI_USER_AGENT.test(agent ?? '');
}

/**
 * Relates calls of `doStart` that are in flight together and have the same settings, because they share no object. They
 * may belong to different calls of `generateVideo`, so errors name the others' tasks but nothing is aborted.
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
    // `generateVideo({ n: 3, maxVideosPerCall: 2 })` also makes a call for one video: it is not sent either.
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

/** A repeated call keeps its index, and thus its idempotency key. */
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

/** `generateVideo` rejects with the first error and drops the other results, so the error carries their ids. */
async function nameSiblings(error: unknown, group: Group, failed: Member): Promise<unknown> {
  const others = group.members.filter((member) => member !== failed);
  const ids: string[] = [];
  let unknown = 0;
  for (const other of others) {
    const reason = await other.done;
    const id = other.predictionId ?? (WaveSpeedError.isInstance(reason) ? reason.predictionId : undefined);
    if (id !== undefined) ids.push(id);
    // One that was not submitted rejects with this error.
    else if (reason !== error && SubmissionUnknownError.isInstance(reason)) unknown++;
  }
  const { abortSignal } = failed.options;
  const isAbort = abortSignal?.aborted === true && error === abortSignal.reason;
  const named = isAbort && ids[0] !== undefined ? new WaitAbortedError(ids[0], error) : error;
  if (!WaveSpeedError.isInstance(named) || named.otherPredictionIds !== undefined) return named;

  const rest = ids.filter((id) => id !== named.predictionId);
  if (rest.length > 0) {
    named.otherPredictionIds = rest;
    named.message +=
      ` Other tasks were accepted and charged: ${rest.join(', ')}. Wait for each with ` +
      'providerOptions.wavespeedKling.resume.';
  }
  if (unknown > 0) named.message += ` Other submits with an unknown outcome: ${unknown}.`;
  return named;
}
