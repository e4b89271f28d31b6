/** The other containers on the private network, as their configs say. */
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import type { Neighbour } from '../plan/guest/files.js';
import { type Context, loadConfig } from './context.js';
import { listCtids } from './create.js';

/** In order of their ids; those whose config nobody can read are left out. */
export function neighboursOf(context: Context, ctid: Ctid): readonly Neighbour[] {
  return listCtids(context)
    .filter((other) => other !== ctid)
    .toSorted((a, b) => a - b)
    .flatMap((other) => neighbourAt(context, other) ?? []);
}

function neighbourAt(context: Context, ctid: Ctid): Neighbour | undefined {
  try {
    const { hostname = `CT${ctid}`, network } = loadConfig(context, ctid);
    const addresses = network.natAddresses.map(({ address }) => address);
    return addresses.length === 0 ? undefined : { hostname, addresses };
  } catch (error) {
    if (error instanceof CellaError) return undefined;
    throw error;
  }
}
