/** Serves the tools until the client goes away; loaded only by the command `mcp`. */
import { realpath } from 'node:fs/promises';
import type { Journal, WaveSpeedKling } from '../../index.js';
import { Budget, withCosts } from './budget.js';
import { LocalMedia } from './local-media.js';
import { serve } from './server.js';
import { Videos } from './videos.js';

export interface ServeOptions {
  createClient: (options: { journal: Journal }) => Promise<WaveSpeedKling>;
  journal: Journal;
  /** In US dollars. */
  maxCost: number;
  /** Directories whose files tools may read. */
  allow: readonly string[];
  /** Where downloads go. */
  directory: string;
  signal: AbortSignal;
  onReady: (left: number) => void;
}

/** The id of a submit under way is worth waiting for. */
const SETTLE_MS = 10_000;

/** @throws {Error} for a directory that does not exist. */
export async function serveVideos(options: ServeOptions): Promise<void> {
  const { journal, maxCost, directory, signal } = options;
  const media = new LocalMedia(await Promise.all(options.allow.map((one) => realpath(one))));
  const budget = await Budget.open(maxCost, journal);
  await using kling = await options.createClient({ journal: withCosts(journal, budget.costs) });
  const videos = new Videos({ kling, journal, budget, media, directory });
  options.onReady(budget.left);
  await serve(videos, signal);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, SETTLE_MS);
  });
  await Promise.race([videos.settled(), limit]);
  clearTimeout(timer);
}
