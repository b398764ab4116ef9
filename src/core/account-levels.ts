/** The levels of WaveSpeed accounts, with their limits. */

/** Limits of tasks submitted per minute and running concurrently, by account level. Source: WaveSpeed's documentation. */
export const ACCOUNT_LEVELS = {
  bronze: { perMinute: 2, concurrency: 2 },
  silver: { perMinute: 500, concurrency: 300 },
  gold: { perMinute: 3000, concurrency: 3000 },
  ultra: { perMinute: 5000, concurrency: 10_000 },
} as const;

/** Level of a WaveSpeed account. */
export type AccountLevel = keyof typeof ACCOUNT_LEVELS;
