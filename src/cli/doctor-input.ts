/** The input of the videos that `doctor --spend` makes. */
export const SPEND_INPUT = { prompt: 'A paper boat on a calm lake', duration: 3 } as const;
