/** What containers have sent and received. */
import type { Ctid } from '../config/ctid.js';
import { readTraffic as readCounters } from '../host/network/traffic.js';
import type { NetworkRecord } from '../state/record.js';
import { readText } from '../state/text-file.js';
import { readTraffic, sumTraffic, type Traffic } from '../state/traffic.js';
import type { Context } from './context.js';
import { listCtids } from './create.js';
import { recordOfRunning } from './recover.js';

export interface ContainerTraffic {
  readonly ctid: number;
  /** By address and class; class null: all of an address. Packets, and bytes of IP. */
  readonly addresses: readonly Traffic[];
}

interface Asked {
  readonly ctid: Ctid;
  /** Of one that runs. */
  readonly network: NetworkRecord | undefined;
  /** Before the kernel is asked. */
  readonly note: string | undefined;
}

/**
 * By number, those that ever had an address. Takes no lock and writes nothing; the kernel is asked once for all of
 * them.
 */
export async function traffic(context: Context): Promise<readonly ContainerTraffic[]> {
  const all = listCtids(context).map((ctid): Asked => {
    const note = readText(context.paths.traffic(ctid));
    return { ctid, network: runningNetwork(context, ctid), note };
  });
  const counted = await countAll(all);
  return all.flatMap((asked) => {
    const addresses = sum(context, asked, counted.get(asked.ctid) ?? []);
    return addresses.length > 0 ? [{ ctid: asked.ctid, addresses }] : [];
  });
}

function runningNetwork(context: Context, ctid: Ctid): NetworkRecord | undefined {
  return recordOfRunning(context, ctid)?.network;
}

async function countAll(all: readonly Asked[]): Promise<ReadonlyMap<Ctid, readonly Traffic[]>> {
  const counted = new Map<Ctid, readonly Traffic[]>();
  const routed = all.flatMap(({ ctid, network }) => {
    const venet = network?.plan.venet;
    return network && venet ? [{ ctid, venet, table: network.table }] : [];
  });
  for (const table of new Set(routed.map((each) => each.table))) {
    const own = routed.filter((each) => each.table === table);
    const found = await readCounters(
      table,
      own.map(({ venet }) => venet),
    );
    for (const [index, { ctid }] of own.entries()) counted.set(ctid, found[index] ?? []);
  }
  return counted;
}

/** Where somebody has noted it down meanwhile, the counters may have begun anew since, and the note is what is newer. */
function sum(
  context: Context,
  { ctid, network, note }: Asked,
  counted: readonly Traffic[],
): readonly Traffic[] {
  const path = context.paths.traffic(ctid);
  if (!network || readText(path) !== note) return readTraffic(path);
  return sumTraffic(path, network.run, counted);
}
