/** What a container may use besides resources: capabilities, features, devices, directories, name servers. */
import { BINDMOUNT, type BindMount } from './bindmounts.js';
import { DEVICES, DEVNODES, type DeviceRule, type DevNode, NETDEV, PCI } from './devices.js';
import { type Inherited, NAMESERVER, SEARCHDOMAIN } from './resolver.js';
import type { SettingReader } from './setting-reader.js';
import {
  CAPABILITY,
  type CapabilityName,
  FEATURES,
  type FeatureName,
  NETFILTER,
  type NetfilterLevel,
} from './switches.js';
import { MOUNT_OPTIONS } from './texts.js';
import { parseYesNo } from './values.js';

/** Lists are empty and maps without an entry where nobody said. */
export interface Equipment {
  /** By name without CAP_, as NET_ADMIN. */
  readonly capabilities: ReadonlyMap<CapabilityName, boolean>;
  readonly features: ReadonlyMap<FeatureName, boolean>;
  readonly devnodes: readonly DevNode[];
  readonly devices: readonly DeviceRule[];
  /** As `0000:00:1f.2`. */
  readonly pci: readonly string[];
  /** Network devices of the host to be handed over. */
  readonly netdevs: readonly string[];
  readonly bindmounts: readonly BindMount[];
  /** Whether /proc shows it its own memory, processors and times, where lxcfs is there for that. */
  readonly procView: boolean;
  /** Options of mount(8) for the file system in an image. */
  readonly mountOptions: readonly string[];
  /** What its packet filter may do, of which only `disabled` makes a difference. */
  readonly netfilter: NetfilterLevel;
  readonly nameservers: Inherited | undefined;
  readonly searchdomains: Inherited | undefined;
}

export function readEquipment(reader: SettingReader): Equipment {
  return {
    capabilities: reader.read('CAPABILITY', CAPABILITY.parse) ?? new Map(),
    features: reader.read('FEATURES', FEATURES.parse) ?? new Map(),
    devnodes: reader.read('DEVNODES', DEVNODES.parse) ?? [],
    devices: reader.read('DEVICES', DEVICES.parse) ?? [],
    pci: reader.read('PCI', PCI.parse) ?? [],
    netdevs: reader.read('NETDEV', NETDEV.parse) ?? [],
    bindmounts: reader.read('BINDMOUNT', BINDMOUNT.parse) ?? [],
    procView: reader.read('PROC_VIEW', parseYesNo) ?? true,
    mountOptions: reader.read('MOUNT_OPTS', MOUNT_OPTIONS.parse) ?? [],
    netfilter: reader.read('NETFILTER', NETFILTER.parse) ?? 'stateless',
    nameservers: reader.read('NAMESERVER', NAMESERVER.parse),
    searchdomains: reader.read('SEARCHDOMAIN', SEARCHDOMAIN.parse),
  };
}
