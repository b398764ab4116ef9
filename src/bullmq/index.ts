/** The entry `wavespeed-kling/bullmq`: a journal on Redis, and workers that never pay twice. */
export {};
