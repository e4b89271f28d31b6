/** What containers have sent and received. */
import type { Ctid } from '../config/ctid.js';
import { readRecord } from '../state/record.js';
import { readTraffic, type Traffic } from '../state/traffic.js';
import type { Context } from './context.js';
import { listCtids } from './create.js';
import { countTraffic } from './network.js';
import { findInit } from './recover.js';

export interface ContainerTraffic {
  readonly ctid: number;
  /** By address and class; class null: all of an address. Packets, and bytes of IP. */
  readonly addresses: readonly Traffic[];
}

/** By number, those that ever had an address. */
export async function traffic(context: Context): Promise<readonly ContainerTraffic[]> {
  const found: ContainerTraffic[] = [];
  for (const ctid of listCtids(context)) {
    const addresses = await trafficOf(context, ctid);
    if (addresses.length > 0) found.push({ ctid, addresses });
  }
  return found;
}

async function trafficOf(context: Context, ctid: Ctid): Promise<readonly Traffic[]> {
  using init = findInit(context, ctid);
  const network = init && readRecord(context.paths.record(ctid))?.network;
  return network ? countTraffic(context, ctid, network) : readTraffic(context.paths.traffic(ctid));
}
