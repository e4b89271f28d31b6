/** Traffic of containers by class, as vznetstat has it. Pure. */
import { familyOf } from '../config/address.js';
import { CLASSES } from '../config/traffic-classes.js';
import type { ContainerTraffic } from '../container/traffic.js';
import { type Count, NONE, plus, type Traffic } from '../state/traffic.js';

/** What one container has sent to, and received from, one class of networks. */
export interface ClassTraffic {
  readonly ctid: number;
  readonly class: number;
  readonly received: Count;
  readonly sent: Count;
}

export interface Selection {
  readonly ctid?: number | undefined;
  readonly class?: number | undefined;
  /** Default: both. */
  readonly family?: 4 | 6 | undefined;
  /** Classes without traffic too. */
  readonly all?: boolean | undefined;
}

/** That of what no class names: OpenVZ has it match everything. */
const USUAL = 1;

/** By container and class. Unless all are asked for, those with traffic, and class 1. */
export function byClass(
  traffic: readonly ContainerTraffic[],
  { ctid, class: wanted, family, all }: Selection,
): readonly ClassTraffic[] {
  return traffic
    .filter((each) => ctid === undefined || each.ctid === ctid)
    .flatMap((each) => {
      const addresses = each.addresses.filter(({ address }) => !family || familyOf(address) === family);
      return CLASSES.map((number) => ({
        ctid: each.ctid,
        class: number,
        received: ofClass(addresses, number, 'received'),
        sent: ofClass(addresses, number, 'sent'),
      }));
    })
    .filter((row) =>
      wanted !== undefined ? row.class === wanted : all || row.class === USUAL || passed(row),
    );
}

function passed({ received, sent }: ClassTraffic): boolean {
  return received.packets + sent.packets > 0n;
}

function ofClass(addresses: readonly Traffic[], number: number, way: 'sent' | 'received'): Count {
  const counted = sum(addresses.filter((at) => at.class === number).map((at) => at[way]));
  if (number !== USUAL) return counted;
  const all = sum(addresses.filter((at) => at.class === null).map((at) => at[way]));
  const named = sum(addresses.filter((at) => at.class !== null).map((at) => at[way]));
  return sum([counted, { packets: rest(all.packets, named.packets), bytes: rest(all.bytes, named.bytes) }]);
}

/** Of what was passing while it was read, a class may know already what the whole does not. */
function rest(all: bigint, named: bigint): bigint {
  return all > named ? all - named : 0n;
}

function sum(counts: readonly Count[]): Count {
  return counts.reduce(plus, NONE);
}
