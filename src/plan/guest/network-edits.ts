/** What changes in the files of what brings a guest's network up: they hold the interfaces that ask for their addresses. */

import { formatAddress } from '../../config/address.js';
import type { NetworkConfig } from '../../config/network-config.js';
import type { Family } from './family.js';
import type { FileEdit, ReadFile } from './files.js';
import { chooseManager, type GuestInterface, MANAGERS, networkFiles } from './network.js';

/** Where a guest shows what brings its network up: files and directories. */
export const MANAGER_PLACES = [
  'etc/netplan',
  'etc/network/interfaces',
  'etc/NetworkManager',
  'etc/wicked',
  'etc/systemd/network',
] as const;

/** Those that the host may say something of, in the order of the config. */
export function guestInterfaces({ interfaces }: NetworkConfig): readonly GuestInterface[] {
  return interfaces
    .filter(({ configure }) => configure)
    .map(({ name, addresses, gateways, dhcp4, dhcp6 }) => ({
      name,
      addresses: addresses.map(formatAddress),
      gateways,
      onLink: false,
      dhcp4,
      dhcp6,
    }));
}

/** Whether somebody inside has to ask for its addresses; others get theirs from outside. */
export function asks({ dhcp4, dhcp6 }: GuestInterface): boolean {
  return dhcp4 || dhcp6;
}

/** Every file that `networkEdits` may read. */
export function networkPaths(interfaces: readonly GuestInterface[]): readonly string[] {
  const all = MANAGERS.flatMap((manager) => networkFiles(manager, interfaces, () => undefined));
  return [...new Set([...all.map(({ path }) => path), WANTS])];
}

/** Files of the others are only brought up to date where they are there, for they were once of some that ask. */
export function networkEdits(
  interfaces: readonly GuestInterface[],
  {
    family,
    read,
    has,
  }: { readonly family: Family; readonly read: ReadFile; readonly has: (path: string) => boolean },
): readonly FileEdit[] {
  const manager = chooseManager(family, has);
  if (manager === undefined) return [];
  const asking = interfaces.filter(asks);
  // One file for all of them.
  if (manager === 'ifupdown' || manager === 'netplan')
    return networkFiles(manager, asking, read).filter(
      ({ path }) => asking.length > 0 || read(path) !== undefined,
    );
  const files = interfaces.flatMap((each) =>
    networkFiles(manager, [each], read).filter(({ path }) => asks(each) || read(path) !== undefined),
  );
  return manager === 'networkd' ? [...files, ...wants(asking.length > 0, read)] : files;
}

const WANTS = 'etc/systemd/system/multi-user.target.d/10-cella-network.conf';

/** Debian has networkd, but begins it for nobody (systemd.unit(5), drop-ins). */
function wants(isAsked: boolean, read: ReadFile): readonly FileEdit[] {
  if (!isAsked && read(WANTS) === undefined) return [];
  const text = `[Unit]\n${isAsked ? 'Wants=systemd-networkd.service\n' : ''}`;
  return [{ path: WANTS, text, mode: 0o644 }];
}
