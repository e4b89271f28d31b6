/** What CRIU tells of a dump: images/stats.proto of its sources. */
import { numberIn, readImage } from './image-file.js';

const [DUMP, FROZEN_TIME] = [1, 2];

/** How long its processes were held, ms. */
export function heldFor(images: string): number {
  const [entry] = readImage(`${images}/stats-dump`).entries;
  return Math.round(((entry && numberIn(entry, DUMP, FROZEN_TIME)) ?? 0) / 1000);
}
