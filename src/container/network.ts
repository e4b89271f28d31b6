/** A container's network: made before its init runs, named in its runtime record until it is taken down. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { parseTrafficClasses } from '../config/traffic-classes.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { networkOf } from '../host/interfaces.js';
import { addElements } from '../host/netlink/nftables.js';
import { announce, type Claim, findClaims } from '../host/network/announce.js';
import {
  forgetPorts,
  guardPorts,
  hasBridgeTable,
  hasPorts,
  loadBridgeTable,
} from '../host/network/bridge-ports.js';
import { applyFirewall } from '../host/network/container-firewall.js';
import { hasTable, loadTable, loadTrafficClasses, publish, removePlan } from '../host/network/firewall.js';
import { shape, unshape } from '../host/network/shaper.js';
import { type Counted, countedOf, findCounters } from '../host/network/traffic.js';
import {
  type Answering,
  addProxies,
  findUplinks,
  forward,
  removeProxies,
  restoreProxies,
} from '../host/network/uplinks.js';
import { attachVenet, detachVenet, openVenet } from '../host/network/venet.js';
import { attachInterface, openInterface } from '../host/network/veth.js';
import { bootId } from '../host/processes.js';
import { addressElements, elements, portElements } from '../plan/network/elements.js';
import { venetPrefix } from '../plan/network/names.js';
import type { NetworkPlan, RoutedAddress } from '../plan/network/network-plan.js';
import { takeLock } from '../state/lock.js';
import { type NetworkRecord, type RuntimeRecord, readRecord } from '../state/record.js';
import { readText } from '../state/text-file.js';
import { noteTraffic } from '../state/traffic.js';
import { warn } from './actions.js';
import { readyBridges } from './bridges.js';
import { type Context, lockDirectory } from './context.js';

/** How long others have to say that they have an address. */
const CLAIM_MS = 200;

/** Before anything is made: what to make, who will answer for it, and who claims it already. */
export interface NetworkIntent {
  readonly record: NetworkRecord;
  readonly answering: readonly Answering[];
  readonly claims: Promise<readonly Claim[]>;
}

/** Undefined: it has no network of ours. `addresses`: those that are new; default: all. */
export async function intendNetwork(
  context: Context,
  plan: NetworkPlan,
  addresses: readonly RoutedAddress[] = plan.venet?.addresses ?? [],
): Promise<NetworkIntent | undefined> {
  if (isNothing(plan)) return undefined;
  const { neighbourDevices, probesAddresses } = context.hostConfig().network;
  const answering = await findUplinks(addresses, neighbourDevices);
  const proxies = answering.map(({ uplink, address }) => ({ index: uplink.index, address: address.address }));
  const record = { plan, table: tableName(context), proxies, run: new Date().toISOString() };
  return {
    record,
    answering,
    claims: probesAddresses ? findClaims(answering, CLAIM_MS) : Promise.resolve([]),
  };
}

export function isNothing(plan: NetworkPlan): boolean {
  return !plan.venet && plan.interfaces.length === 0;
}

export function tableName(context: Context): string {
  return ['cella', context.paths.cgroupGroup].filter(Boolean).join('-');
}

/**
 * Into the network of process `pid`. What it made until it failed `detachNetwork` takes away. `held`: nothing passes until
 * `openNetwork` says so.
 */
export async function attachNetwork(
  context: Context,
  { record, answering }: NetworkIntent,
  pid: number,
  { held = false } = {},
): Promise<void> {
  const { plan, table } = record;
  const namespace = openSync(await networkOf(pid), 'r');
  try {
    await readyTable(context, table);
    for (const family of familiesOf(plan.venet?.addresses ?? [])) forward(family);
    if (plan.firewall) await applyFirewall(table, plan, context.paths.firewallDir);
    if (plan.venet) await attachVenet(plan.venet, namespace, held);
    await readyBridges(context, plan);
    if (hasPorts(plan)) await readyPorts(context, table);
    await guardPorts(table, plan);
    for (const each of plan.interfaces) await attachInterface(each, namespace, held);
    if (plan.shaping) await shape(hostEnds(plan), plan.shaping);
    faultPoint('network.linked');
    if (!held) await list(record, answering);
  } finally {
    closeSync(namespace);
  }
}

async function list({ plan, table }: NetworkRecord, answering: readonly Answering[]): Promise<void> {
  await publish(table, portElements(plan.published), addressElements(plan.venet));
  faultPoint('network.listed');
  await addProxies(answering);
}

/** Lets go what was attached held. */
export async function openNetwork({ record, answering }: NetworkIntent): Promise<void> {
  const { venet, interfaces } = record.plan;
  if (venet) await openVenet(venet);
  for (const each of interfaces) await openInterface(each);
  await list(record, answering);
}

function familiesOf(addresses: readonly RoutedAddress[]): ReadonlySet<4 | 6> {
  return new Set(addresses.map(({ family }) => family));
}

/** Names of what it has on this host; a macvlan has no end there. */
export function hostEnds({ venet, interfaces }: NetworkPlan): readonly string[] {
  return [...(venet ? [venet.hostName] : []), ...interfaces.flatMap(({ host }) => host?.name ?? [])];
}

/** Loads the table where it is missing, with what those have in it that run. */
export async function readyTable(context: Context, table: string): Promise<void> {
  if (await hasTable(table)) return;
  using _lock = await takeLock({ directory: lockDirectory(context), name: 'network', verb: 'network' });
  if (await hasTable(table)) return;
  await loadTable(table, venetPrefix(context.paths.cgroupGroup));
  await loadClasses(context, table);
  for (const { network } of records(context)) {
    if (network?.table !== table) continue;
    await addElements(table, elements(network.plan));
    if (network.plan.firewall) await applyFirewall(table, network.plan, context.paths.firewallDir);
  }
}

/** The same of the table of bridges. */
export async function readyPorts(context: Context, table: string): Promise<void> {
  if (await hasBridgeTable(table)) return;
  using _lock = await takeLock({ directory: lockDirectory(context), name: 'network', verb: 'network' });
  if (await hasBridgeTable(table)) return;
  await loadBridgeTable(table);
  for (const { network } of records(context))
    if (network?.table === table) await guardPorts(table, network.plan);
}

/** Has traffic be counted by the networks that /etc/vz/networks_classes names. */
async function loadClasses({ paths }: Context, table: string): Promise<void> {
  const text = readText(paths.trafficClasses);
  if (text === undefined) return;
  await loadTrafficClasses(table, parseTrafficClasses(text, paths.trafficClasses));
}

/** Of this boot. */
function records(context: Context): readonly RuntimeRecord[] {
  return readdirSync(context.paths.runDir)
    .filter((name) => /^\d+\.json$/.test(name))
    .flatMap((name) => readRecord(`${context.paths.runDir}/${name}`) ?? [])
    .filter((record) => record.bootId === bootId());
}

/** Fails with IP_IN_USE where somebody has one of its addresses, or warns of it if the host is to be content with that. */
export async function expectUnclaimed(
  context: Context,
  ctid: Ctid,
  { claims }: NetworkIntent,
): Promise<void> {
  const [claim] = await claims;
  if (!claim) return;
  const message = `address ${claim.address} is in use by ${claim.mac} at '${claim.uplink}'`;
  if (context.hostConfig().network.refusesUsed) throw new CellaError('IP_IN_USE', message);
  context.report({ type: 'warning', ctid, message });
}

/** Has others know where its addresses are from now on. That nobody can be told harms nothing. */
export function announceNetwork({ answering }: NetworkIntent): void {
  announce(answering).catch(() => undefined);
}

/** Its links stay, and nothing leads to them: its addresses are, or may be, at another host. */
export async function leadAway({ plan, proxies }: NetworkRecord): Promise<void> {
  await removeProxies(proxies);
  if (plan.venet) await detachVenet(plan.venet);
}

/** They are here after all. */
export async function leadBack({ plan, proxies }: NetworkRecord): Promise<void> {
  if (plan.venet) await openVenet(plan.venet);
  await announce(await restoreProxies(proxies));
}

/** Takes away all that is left of it on the host; the links end with the container's network. */
export async function detachNetwork(context: Context, { ctid, network }: RuntimeRecord): Promise<void> {
  if (!network) return;
  const { plan, table } = network;
  await leadAway(network);
  if (plan.shaping) await unshape(hostEnds(plan), plan.shaping);
  // Nothing comes through any more.
  const counters = plan.venet ? await findCounters(table, plan.venet) : [];
  note(context, ctid, network, countedOf(counters));
  faultPoint('network.counted');
  await removePlan(table, plan, counters);
  await forgetPorts(table, plan);
}

/** Notes down what has gone through so far. */
export async function countTraffic(context: Context, ctid: number, network: NetworkRecord): Promise<void> {
  const { plan, table } = network;
  if (plan.venet) note(context, ctid, network, countedOf(await findCounters(table, plan.venet)));
}

/** Where it cannot be written it warns: nothing else depends on it. */
function note(
  context: Context,
  ctid: number,
  { plan, run }: NetworkRecord,
  counted: readonly Counted[],
): void {
  if (!plan.venet) return;
  try {
    noteTraffic(context.paths.traffic(ctid), run, counted);
  } catch (error) {
    warn(context, ctid, `what it has sent and received cannot be noted down: ${(error as Error).message}`);
  }
}
