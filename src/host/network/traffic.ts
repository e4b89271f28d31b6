/** What our table of nftables has counted. */
import { CLASSES } from '../../config/traffic-classes.js';
import { type CountedElements, countedElements } from '../../plan/network/elements.js';
import type { VenetPlan } from '../../plan/network/network-plan.js';
import { type Counter, NOTHING } from '../netlink/nft-elements.js';
import { findElements, listElements } from '../netlink/nftables.js';
import { NetlinkError } from '../netlink/request.js';

export interface Counted {
  readonly address: string;
  /** Of traffic; null: all of it, whatever class it is of. */
  readonly class: number | null;
  readonly sent: Counter;
  readonly received: Counter;
}

/** What there is of those elements, each with what it has counted. */
export interface FoundCounters {
  readonly elements: CountedElements;
  readonly sent: Counter | undefined;
  readonly received: Counter | undefined;
}

/** Of so many containers it costs less to find out first which classes there is anything of. */
const MANY = 8;

/**
 * Of each container, since its addresses were added, all with one request; classes of which there was nothing are left
 * out.
 */
export async function readTraffic(
  table: string,
  venets: readonly VenetPlan[],
): Promise<readonly (readonly Counted[])[]> {
  const classes = new Set(venets.length > MANY ? await usedClasses(table) : CLASSES);
  const asked = venets.map((venet) =>
    countedElements(venet).filter((each) => each.class === null || classes.has(each.class)),
  );
  const found = await find(table, asked.flat());
  let at = 0;
  return asked.map(({ length }) => {
    const own = found.slice(at, at + length);
    at += length;
    return countedOf(own);
  });
}

/** Of one container, all that there may be. */
export function findCounters(table: string, venet: VenetPlan): Promise<readonly FoundCounters[]> {
  return find(table, countedElements(venet));
}

async function find(table: string, asked: readonly CountedElements[]): Promise<readonly FoundCounters[]> {
  const found = await findElements(
    table,
    asked.flatMap(({ sent, received }) => [sent, received]),
  );
  return asked.map((elements, index) => ({
    elements,
    sent: found[index * 2]?.counter,
    received: found[index * 2 + 1]?.counter,
  }));
}

/** Classes of which there was nothing are left out. */
export function countedOf(found: readonly FoundCounters[]): readonly Counted[] {
  return found
    .filter(({ elements, sent, received }) => elements.class === null || sent || received)
    .map(({ elements: { address, class: number }, sent = NOTHING, received = NOTHING }) => ({
      address,
      class: number,
      sent,
      received,
    }));
}

/**
 * Those that have counted anything. Lists of sets say no more than that: one that grows meanwhile may be told without
 * some of its elements.
 */
async function usedClasses(table: string): Promise<readonly number[]> {
  const used: number[] = [];
  for (const number of CLASSES) {
    const sets = [4, 6].flatMap((family) => [`sent${family}-${number}`, `received${family}-${number}`]);
    for (const set of sets)
      if (await hasElements(table, set)) {
        used.push(number);
        break;
      }
  }
  return used;
}

async function hasElements(table: string, set: string): Promise<boolean> {
  try {
    return (await listElements(table, set)).length > 0;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENOENT') return false;
    throw error;
  }
}
