/** Bridges of the host that are made on request, again after a reboot when the first container needs them. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { type Bridge, type BridgeOptions, bridgeOf, formatBridge, parseBridge } from '../config/bridges.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { findLink } from '../host/netlink/links.js';
import { listPorts, makeBridge, removeBridge } from '../host/network/bridges.js';
import { macOf } from '../plan/network/names.js';
import type { NetworkPlan } from '../plan/network/network-plan.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { type Lock, takeLock } from '../state/lock.js';
import { readText } from '../state/text-file.js';
import { withUndo } from '../undo.js';
import { type Context, loadConfig, lockDirectory } from './context.js';
import { listCtids } from './create.js';
import { placeOf } from './network-plan.js';

export interface BridgeInfo extends Bridge {
  /** Names of interfaces that are on it; null: it is not there, until a container needs it. */
  readonly present: readonly string[] | null;
}

const pathOf = ({ paths }: Context, name: string): string => `${paths.bridgesDir}/${name}`;

const lock = (context: Context): Promise<Lock> =>
  takeLock({ directory: lockDirectory(context), name: 'bridges', verb: 'network' });

/** Fails with NETDEV_FAILED where there is something of its name, or a port cannot be one, and leaves all as it was. */
export async function addBridge(context: Context, name: string, options: BridgeOptions): Promise<void> {
  const bridge = bridgeOf(name, options);
  using _lock = await lock(context);
  const path = pathOf(context, bridge.name);
  if (existsSync(path)) throw new CellaError('NETDEV_FAILED', `bridge '${name}' is there already`);
  if (await findLink(bridge.name))
    throw new CellaError('NETDEV_FAILED', `this host has a network interface '${name}' already`, {
      hint: 'Containers can be on a bridge that others have made: name it with --netif_add.',
    });
  await withUndo(async (undo) => {
    mkdirSync(context.paths.bridgesDir, { recursive: true });
    undo.push('note the bridge', () => rmSync(path, { force: true }));
    writeFileAtomic(path, formatBridge(bridge), { durable: true });
    faultPoint('bridge.noted');
    undo.push('make the bridge', () => removeBridge(bridge.name));
    await makeOne(context, bridge);
  });
}

async function makeOne(context: Context, bridge: Bridge): Promise<void> {
  await makeBridge(bridge, macOf(placeOf(context), 0, bridge.name, 'bridge'));
}

/** Fails with NETDEV_FAILED where it is none of ours, or where somebody is on it or is to be. */
export async function dropBridge(context: Context, name: string): Promise<void> {
  using _lock = await lock(context);
  const bridge = readBridge(context, name);
  if (!bridge) throw new CellaError('NETDEV_FAILED', `there is no bridge '${name}' of ours`);
  const holder = listCtids(context).find((ctid) =>
    loadConfig(context, ctid).network.interfaces.some((each) => each.bridge === name),
  );
  if (holder !== undefined)
    throw new CellaError('NETDEV_FAILED', `container ${holder} has an interface on bridge '${name}'`);
  const other = (await listPorts()).get(name)?.find((port) => !bridge.ports.includes(port));
  if (other !== undefined)
    throw new CellaError('NETDEV_FAILED', `network interface '${other}' is on bridge '${name}'`);
  await removeBridge(name);
  faultPoint('bridge.removed');
  rmSync(pathOf(context, name), { force: true });
}

export async function listBridges(context: Context): Promise<readonly BridgeInfo[]> {
  const ports = await listPorts();
  return readBridges(context).map((each) => ({ ...each, present: ports.get(each.name) ?? null }));
}

/** Makes those that the interfaces of a container are to be on. */
export async function readyBridges(context: Context, { interfaces }: NetworkPlan): Promise<void> {
  for (const name of new Set(interfaces.flatMap(({ bridge }) => bridge ?? [])))
    if (!(await findLink(name))) {
      using _lock = await lock(context);
      const bridge = readBridge(context, name);
      if (bridge) await makeOne(context, bridge);
    }
}

/** Makes all, and gives each what it lacks. */
export async function repairBridges(context: Context): Promise<void> {
  using _lock = await lock(context);
  for (const bridge of readBridges(context)) await makeOne(context, bridge);
}

function readBridges(context: Context): readonly Bridge[] {
  const { bridgesDir } = context.paths;
  const names = existsSync(bridgesDir) ? readdirSync(bridgesDir).sort() : [];
  return names.flatMap((name) => readBridge(context, name) ?? []);
}

function readBridge(context: Context, name: string): Bridge | undefined {
  const path = pathOf(context, name);
  // One that leads elsewhere is none, nor is what is just being written.
  const text = /\/|^\.|\.tmp$/.test(name) ? undefined : readText(path);
  return text === undefined ? undefined : parseBridge(name, text, path);
}
