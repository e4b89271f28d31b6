/** What stops the lane: one sentence for whoever ran it. */
export class Problem extends Error {}
