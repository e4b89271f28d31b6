/** What our table of nftables has counted. */
import { CLASSES } from '../../config/traffic-classes.js';
import { countedElements } from '../../plan/network/elements.js';
import type { VenetPlan } from '../../plan/network/network-plan.js';
import { type Counter, findElements, listElements, NOTHING } from '../netlink/nftables.js';
import { NetlinkError } from '../netlink/request.js';

export interface Counted {
  readonly address: string;
  /** Of traffic; null: all of it, whatever class it is of. */
  readonly class: number | null;
  readonly sent: Counter;
  readonly received: Counter;
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
  const asked = venets.flatMap((venet, of) =>
    countedElements(venet)
      .filter((each) => each.class === null || classes.has(each.class))
      .map((each) => ({ ...each, of })),
  );
  const found = await findElements(
    table,
    asked.flatMap(({ sent, received }) => [sent, received]),
  );
  const counted: Counted[][] = venets.map(() => []);
  for (const [index, { of, address, class: number }] of asked.entries()) {
    const [sent, received] = [found[index * 2]?.counter, found[index * 2 + 1]?.counter];
    if (number !== null && !sent && !received) continue;
    counted[of]?.push({ address, class: number, sent: sent ?? NOTHING, received: received ?? NOTHING });
  }
  return counted;
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
