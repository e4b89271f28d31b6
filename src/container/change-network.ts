/** set of what a running container's network is. */
import { closeSync, openSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import { networkOf } from '../host/interfaces.js';
import { deleteLink } from '../host/netlink/links.js';
import { removeElements } from '../host/netlink/nftables.js';
import { PROTOCOL, request } from '../host/netlink/request.js';
import { forgetPorts, guardPorts, hasPorts } from '../host/network/bridge-ports.js';
import { applyFirewall, findVerdicts, removeFirewall } from '../host/network/container-firewall.js';
import { publish, removeAddresses, unpublish } from '../host/network/firewall.js';
import { shape, unshape } from '../host/network/shaper.js';
import { addProxies, forward, removeProxies } from '../host/network/uplinks.js';
import { addressesWithout, attachVenet, changeVenet, detachVenet } from '../host/network/venet.js';
import { attachInterface, detachInterface } from '../host/network/veth.js';
import { addressElements, type Element, portElements } from '../plan/network/elements.js';
import { verdictElements } from '../plan/network/firewall-ruleset.js';
import type { InterfacePlan, NetworkPlan, VenetPlan } from '../plan/network/network-plan.js';
import { type NetworkRecord, type RuntimeRecord, readRecord, writeRecord } from '../state/record.js';
import type { Undo } from '../undo.js';
import { readyBridges } from './bridges.js';
import type { Context } from './context.js';
import {
  announceNetwork,
  countTraffic,
  expectUnclaimed,
  hostEnds,
  intendNetwork,
  isNothing,
  type NetworkIntent,
  readyPorts,
  readyTable,
  tableName,
} from './network.js';
import { networkPlanOf } from './network-plan.js';
import type { Running } from './recover.js';

const NONE: Omit<NetworkPlan, 'ctid'> = {
  venet: null,
  interfaces: [],
  published: [],
  firewall: null,
  shaping: null,
};

/** Keys whose change is seen to here. */
export const NETWORK_KEYS = [
  'FIREWALL',
  'FIREWALL_IN',
  'FIREWALL_OUT',
  'IP_ADDRESS',
  'NAT',
  'NETIF',
  'PUBLISH',
  'RATE',
  'RATEBOUND',
] as const;

/** At once in a running container; returns its record as it is then. */
export async function setNetwork(
  context: Context,
  { before, after }: { readonly before: ContainerConfig; readonly after: ContainerConfig },
  { record, init }: Running,
  undo: Undo,
): Promise<RuntimeRecord> {
  const { pid } = init;
  const old = record.network?.plan ?? networkPlanOf(context, before);
  const plan = networkPlanOf(context, after);
  undo.push('change the network', async () => {
    const now = readRecord(context.paths.record(record.ctid));
    if (now) await changeNetwork(context, now, { plan: old, pid });
  });
  return changeNetwork(context, record, { plan, pid });
}

/** Makes the network of a running container what `plan` says; returns the record as it is then. */
export async function changeNetwork(
  context: Context,
  record: RuntimeRecord,
  { plan, pid }: { readonly plan: NetworkPlan; readonly pid: number },
): Promise<RuntimeRecord> {
  const before: NetworkRecord = record.network ?? {
    plan: { ...NONE, ctid: plan.ctid },
    table: tableName(context),
    proxies: [],
    run: new Date().toISOString(),
  };
  if (isDeepStrictEqual(before.plan, plan)) return record;
  const intent = await intendNetwork(context, plan, addressesWithout(plan.venet, before.plan.venet));
  if (intent) await expectUnclaimed(context, record.ctid as Ctid, intent);
  const path = context.paths.record(record.ctid);
  // Names all that may be there while this goes on.
  writeRecord(path, { ...record, network: both(before, plan, intent) });
  faultPoint('network.intent');
  await carryOut(context, { before, plan, intent, pid });
  const { network: _, ...rest } = record;
  const after = isNothing(plan) ? rest : { ...rest, network: settled(before, plan, intent) };
  writeRecord(path, after);
  if (intent) announceNetwork(intent);
  return after;
}

function both(before: NetworkRecord, plan: NetworkPlan, intent: NetworkIntent | undefined): NetworkRecord {
  const removed = addressesWithout(before.plan.venet, plan.venet);
  const venet = plan.venet ?? before.plan.venet;
  return {
    ...before,
    plan: {
      ...plan,
      venet: venet && plan.venet ? { ...venet, addresses: [...venet.addresses, ...removed] } : venet,
      interfaces: [...plan.interfaces, ...before.plan.interfaces],
      published: [...plan.published, ...before.plan.published],
      shaping: plan.shaping ?? before.plan.shaping,
    },
    proxies: [...before.proxies, ...(intent?.record.proxies ?? [])],
  };
}

/** Without what it has no more: somebody else may have that by the time this one stops. */
function settled(before: NetworkRecord, plan: NetworkPlan, intent: NetworkIntent | undefined): NetworkRecord {
  const { proxies, ...rest } = both(before, plan, intent);
  const has = (address: string): boolean =>
    plan.venet?.addresses.some((at) => at.address === address) ?? false;
  return { ...rest, plan, proxies: proxies.filter(({ address }) => has(address)) };
}

interface Change {
  readonly before: NetworkRecord;
  readonly plan: NetworkPlan;
  readonly intent: NetworkIntent | undefined;
  readonly pid: number;
}

async function carryOut(context: Context, { before, plan, intent, pid }: Change): Promise<void> {
  const { table } = before;
  await readyTable(context, table);
  for (const { family } of plan.venet?.addresses ?? []) forward(family);
  const gone = addressesWithout(before.plan.venet, plan.venet);
  await removeProxies(before.proxies.filter(({ address }) => gone.some((at) => at.address === address)));
  await changeFirewall(context, before, plan);
  await readyBridges(context, plan);
  if (hasPorts(plan)) await readyPorts(context, table);
  await changeLinks(before, plan, pid);
  await changeShaping(before.plan, plan);
  faultPoint('network.linked');
  await countTraffic(context, plan.ctid, before);
  const [ports, addresses] = [portElements(plan.published), addressElements(plan.venet)];
  // Ports that it did not get, since another container has them, are in the record too.
  await unpublish(table, without(portElements(before.plan.published), ports));
  if (before.plan.venet) {
    const kept = before.plan.venet.addresses.filter((at) => !gone.includes(at));
    await removeAddresses(table, { ...before.plan.venet, addresses: gone });
    // One that was private and is not any more.
    await removeElements(
      table,
      without(addressElements({ ...before.plan.venet, addresses: kept }), addresses),
    );
  }
  const added = without(addresses, addressElements(before.plan.venet));
  await publish(table, without(ports, portElements(before.plan.published)), added);
  faultPoint('network.listed');
  await addProxies(intent?.answering ?? []);
}

async function changeShaping(before: NetworkPlan, plan: NetworkPlan): Promise<void> {
  if (plan.shaping) await shape(hostEnds(plan), plan.shaping);
  else if (before.shaping) await unshape(hostEnds(plan), before.shaping);
}

async function changeFirewall(
  context: Context,
  { plan: before, table }: NetworkRecord,
  plan: NetworkPlan,
): Promise<void> {
  if (!before.firewall && !plan.firewall) return;
  if (!plan.firewall) return removeFirewall(table, before);
  await applyFirewall(table, plan, context.paths.firewallDir);
  await removeElements(table, without(await findVerdicts(table, before), verdictElements(plan)));
}

function without(some: readonly Element[], others: readonly Element[]): readonly Element[] {
  const known = new Set(others.map((element) => JSON.stringify(element)));
  return some.filter((element) => !known.has(JSON.stringify(element)));
}

async function changeLinks(
  { plan: before, table }: NetworkRecord,
  after: NetworkPlan,
  pid: number,
): Promise<void> {
  const namespace = openSync(await networkOf(pid), 'r');
  try {
    await changeRouted(before.venet, after.venet, namespace);
    const differs = (some: NetworkPlan, others: NetworkPlan): readonly InterfacePlan[] =>
      some.interfaces.filter((each) => !others.interfaces.some((other) => isDeepStrictEqual(each, other)));
    const [gone, added] = [differs(before, after), differs(after, before)];
    for (const each of gone) await detachInterface(each, namespace);
    await forgetPorts(table, { interfaces: gone });
    await guardPorts(table, { interfaces: added });
    for (const each of added) await attachInterface(each, namespace);
  } finally {
    closeSync(namespace);
  }
}

async function changeRouted(
  before: VenetPlan | null,
  after: VenetPlan | null,
  namespace: number,
): Promise<void> {
  if (after) {
    await (before ? changeVenet(before, after, namespace) : attachVenet(after, namespace));
  } else if (before) {
    await detachVenet(before);
    await request(PROTOCOL.route, [deleteLink(before.hostName)], { accept: ['ENODEV'] });
  }
}
