/** What of the host a container is to get beyond the usual, looked up on the host. */
import type { ContainerConfig } from '../config/container-config.js';
import type { DeviceRule } from '../config/devices.js';
import type { FeatureName } from '../config/switches.js';
import { type DevicePlaces, nodeByName, nodeByNumbers, PLACES, pciDevice } from '../host/devices.js';
import { loadModule } from '../host/modules.js';
import { type DeviceAccess, mergeAccess } from '../plan/device-policy.js';
import { FEATURE_NODES, type Given, type GivenNode, NOTHING } from '../plan/equipment.js';
import { isPrivileged } from '../plan/plan-root.js';
import type { Context } from './context.js';

/** Parts of the kernel that root of a container cannot load himself. */
const MODULES: Partial<Readonly<Record<FeatureName, readonly string[]>>> = {
  nesting: ['overlay'],
  fuse: ['fuse'],
  tun: ['tun'],
  ppp: ['ppp_generic', 'ppp_async'],
  sit: ['sit'],
  ipip: ['ipip'],
  ipgre: ['ip_gre'],
  bridge: ['bridge'],
  nfs: ['nfs'],
};

export async function gather(context: Context, config: ContainerConfig): Promise<Given> {
  const { features, devnodes, devices, pci, netdevs, bindmounts } = config;
  if (
    features.size + devnodes.length + devices.length + pci.length + netdevs.length + bindmounts.length ===
    0
  )
    return NOTHING;
  const enabled = [...features].flatMap(([name, on]) => (on ? [name] : []));
  await Promise.all(enabled.flatMap((name) => MODULES[name] ?? []).map(loadModule));
  const given = lookUp(config, PLACES);
  for (const { name, ...numbers } of given.nodes)
    if (!nodeByNumbers(PLACES, numbers))
      context.report({
        type: 'warning',
        ctid: config.ctid,
        message: `this host has no device for '/dev/${name}'`,
      });
  return given;
}

type Wanted = Pick<ContainerConfig, 'features' | 'devnodes' | 'devices' | 'pci' | 'netdevs' | 'bindmounts'> &
  Pick<ContainerConfig, 'localUid'>;

/** Later names take the place of earlier ones: what the config says of a device counts more than what a feature does. */
export function lookUp(config: Wanted, places: DevicePlaces): Given {
  const nodes = new Map<string, GivenNode>();
  const access: DeviceAccess[] = [];
  const give = (node: GivenNode, letters: string): void => {
    nodes.set(node.name, node);
    access.push(accessTo(node, letters));
  };
  for (const [name, on] of config.features) {
    const node = FEATURE_NODES[name];
    if (on && node) give(node, 'rwm');
  }
  const found = config.pci.map((address) => pciDevice(places, address));
  for (const node of found.flatMap((device) => device.nodes)) give(node, 'rwm');
  for (const { name, mode } of config.devnodes) {
    if (mode === 'none') continue;
    const node = nodeByName(places, name);
    nodes.set(name, node);
    replace(access, accessTo(node, lettersOf(mode)));
  }
  for (const rule of config.devices) {
    if (rule.mode === 'none') continue;
    const { node, access: allowed } = byRule(places, rule);
    replace(access, allowed);
    // Root in a user namespace cannot make it himself.
    if (node && config.localUid !== 0 && ![...nodes.values()].some((other) => isSame(other, node)))
      nodes.set(node.name, node);
  }
  const interfaces = [...new Set([...config.netdevs, ...found.flatMap((device) => device.interfaces)])];
  return { nodes: [...nodes.values()], access: mergeAccess(access), interfaces, binds: config.bindmounts };
}

function byRule(places: DevicePlaces, { type, major, minor, mode }: DeviceRule) {
  const node = minor === 'all' ? undefined : nodeByNumbers(places, { type, major, minor });
  const access = { type, major, minor: minor === 'all' ? null : minor, access: lettersOf(mode) };
  return { node, access };
}

/** Quotas (`q`) are none of a device's. */
function lettersOf(mode: string): string {
  const letters = mode.replace('q', '');
  return letters === '' ? '' : `${letters}m`;
}

function accessTo({ type, major, minor }: GivenNode, access: string): DeviceAccess {
  return { type, major, minor, access };
}

function replace(rules: DeviceAccess[], rule: DeviceAccess): void {
  const at = rules.findIndex((other) => isSame(other, rule));
  if (at >= 0) rules.splice(at, 1);
  rules.push(rule);
}

type Named = Pick<DeviceAccess, 'type' | 'major' | 'minor'>;

function isSame(a: Named, b: Named): boolean {
  return a.type === b.type && a.major === b.major && a.minor === b.minor;
}

/** Of a privileged container too: see `planStart`. */
export function isLimited(config: ContainerConfig, given: Given): boolean {
  return isPrivileged(config) || given.access.length > 0;
}
