/** What the server and the page tell each other, as JSON. */
import type { InputIssue } from 'wavespeed-kling/schemas';

/** A reference file: one that was sent to the studio's server, or a URL. */
export type Reference = { file: string; name: string } | { url: string };

export type FieldValue = string | number | boolean | Reference | Reference[];

/** The fields of a request under the service's names, before its references have URLs. */
export interface StudioInput {
  prompt: string;
  [field: string]: FieldValue | undefined;
}

/** What the page sends to have a video made. */
export interface MakeRequest {
  /** The idempotency key of the click: sent again, it makes nothing new. */
  key: string;
  model: string;
  input: StudioInput;
}

/** What a request would cost, in US dollars. */
export interface PriceView {
  cost: number;
}

/** What went wrong, in words for the page. */
export interface Problem {
  /** The error's name, such as `AuthenticationError`. */
  name: string;
  message: string;
  /** What is wrong with which field, of an `InvalidInputError`. */
  issues?: InputIssue[];
}

/** How far the upload of one reference is, in bytes. */
export interface UploadView {
  name: string;
  loaded: number;
  total: number;
}

/**
 * A status of the service (`created`, `processing`, `completed`, `failed`, …), or one of the studio: `uploading` and
 * `submitting` before there is a task; `rejected` when there never was one; `unknown` when there may be one; `paused`
 * when there is one that could not be followed.
 */
export type TaskStatus = string;

/** A task as the page shows it. */
export interface TaskView {
  /** Names it in the studio: the click's idempotency key, or the id of a task that was made elsewhere. */
  key: string;
  /** The service's id, once it is known. */
  id?: string;
  isMine: boolean;
  /** When it was looked at, by the server's clock: what arrives late is not taken for new. */
  seenAt: number;
  model: string;
  status: TaskStatus;
  input: StudioInput;
  createdAt: string;
  endedAt?: string;
  cost?: number;
  uploads?: UploadView[];
  problem?: Problem;
  /** The video is on the studio's disk, or will be fetched at once. */
  isVideoReady: boolean;
}

/** A task that a submit with an unknown outcome may have started. */
export interface CandidateView {
  id: string;
  status: string;
  createdAt: string;
  prompt: string;
  exactMatch?: boolean;
}

/** One page of the history of the last 7 days. */
export interface HistoryView {
  tasks: TaskView[];
  page: number;
  hasNext: boolean;
  /** Why the service's history is not in it. */
  problem?: Problem;
}

/** What the page needs to know about the server. */
export interface SessionView {
  /** `emulator`: the studio's own; `local`: another server on this machine; `live`: costs money. */
  mode: 'emulator' | 'local' | 'live';
  /** Host of the service. */
  host: string;
  /** Whether each submit is confirmed first. */
  mustConfirm: boolean;
  /** In US dollars. */
  balance?: number;
  problem?: Problem;
  budget: BudgetView;
}

/** The session's budget, in US dollars. */
export interface BudgetView {
  limit: number | null;
  spent: number;
}
