/** Puts back on this host what running containers have on the network, whoever took it away. */
import { closeSync, openSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { networkOf } from '../host/interfaces.js';
import { guardPorts, hasPorts } from '../host/network/bridge-ports.js';
import { applyFirewall } from '../host/network/container-firewall.js';
import { publish } from '../host/network/firewall.js';
import { shape } from '../host/network/shaper.js';
import { forward, restoreProxies } from '../host/network/uplinks.js';
import { restoreVenet } from '../host/network/venet.js';
import { addressElements, portElements } from '../plan/network/elements.js';
import type { NetworkRecord } from '../state/record.js';
import { warn } from './actions.js';
import { repairBridges } from './bridges.js';
import { type Context, lockContainer } from './context.js';
import { listCtids } from './create.js';
import { hostEnds, readyPorts, readyTable } from './network.js';
import { findRunning, recover } from './recover.js';

/** Goes on where one fails, with a warning. Returns those that are on the network and in order now. */
export async function repairNetwork(context: Context): Promise<readonly Ctid[]> {
  const repaired: Ctid[] = [];
  await repairBridges(context);
  for (const ctid of listCtids(context)) {
    try {
      if (await repairOne(context, ctid)) repaired.push(ctid);
    } catch (error) {
      if (!(error instanceof CellaError)) throw error;
      warn(context, ctid, error.message);
    }
  }
  return repaired;
}

async function repairOne(context: Context, ctid: Ctid): Promise<boolean> {
  using _lock = await lockContainer(context, ctid, 'network');
  await recover(context, ctid);
  const running = findRunning(context, ctid);
  using init = running?.init;
  const network = running?.record.network;
  if (!init || !network) return false;
  await repair(context, network, init.pid);
  return true;
}

async function repair(context: Context, { plan, table, proxies }: NetworkRecord, pid: number): Promise<void> {
  const addresses = plan.venet?.addresses ?? [];
  const namespace = openSync(await networkOf(pid), 'r');
  try {
    await readyTable(context, table);
    for (const { family } of addresses) forward(family);
    if (plan.firewall) await applyFirewall(table, plan, context.paths.firewallDir);
    if (hasPorts(plan)) await readyPorts(context, table);
    await guardPorts(table, plan);
    if (plan.venet) await restoreVenet(plan.venet, namespace);
    if (plan.shaping) await shape(hostEnds(plan), plan.shaping);
    await publish(table, portElements(plan.published), addressElements(plan.venet));
    await restoreProxies(proxies);
  } finally {
    closeSync(namespace);
  }
}
