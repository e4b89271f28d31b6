/** Which interfaces a guest's files hold: those that ask for their addresses. */
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../../src/config/container-config.js';
import { parseCtid } from '../../../../src/config/ctid.js';
import { parseConfig } from '../../../../src/config/grammar.js';
import { editFiles, filesFor, settingsOf, wantsFiles } from '../../../../src/plan/guest/files.js';

const settings = (text: string) =>
  settingsOf(
    readContainerConfig(parseCtid('101'), parseConfig(''), parseConfig(text), { host: 'h', container: 'c' }),
    [{ hostname: 'db.example', addresses: ['10.7.7.3', 'fd07::3'] }],
  );

const edits = (
  text: string,
  files: Readonly<Record<string, string>>,
  family: 'debian' | 'redhat' | 'generic' = 'debian',
) =>
  editFiles(settings(text), {
    family,
    read: (path) => files[path],
    has: (path) => path in files,
    host: { nameservers: [], searchDomains: [] },
  }).map(({ path, text: after, mode }) => [path, after, mode]);

const DHCP = 'NETIF="ifname=eth0,bridge=b,dhcp=yes"\n';
const FIXED = 'NETIF="ifname=eth0,bridge=b,ip=198.51.100.5/24,gw=198.51.100.1"\n';

const WANTS = 'etc/systemd/system/multi-user.target.d/10-cella-network.conf';

describe('the network in files of the guest', () => {
  it('is there where an interface asks, and nowhere else', () => {
    expect(wantsFiles(settings(DHCP))).toBe(true);
    expect(edits(DHCP, {})).toEqual([
      ['etc/systemd/network/10-cella-eth0.network', expect.stringContaining('DHCP=ipv4'), 0o644],
      [WANTS, '[Unit]\nWants=systemd-networkd.service\n', 0o644],
    ]);
    // What begins networkd goes with the last that asks.
    expect(edits(FIXED, { [WANTS]: 'anything' })).toEqual([[WANTS, '[Unit]\n', 0o644]]);
    expect(wantsFiles(settings(FIXED))).toBe(false);
    expect(edits(FIXED, {})).toEqual([]);
    const left = 'NETIF="ifname=eth0,bridge=b,dhcp=yes,configure=none"\n';
    expect(wantsFiles(settings(left))).toBe(false);
    expect(edits(left, {})).toEqual([]);
    expect(edits(DHCP, {}, 'generic')).toEqual([]);
    expect(edits(DHCP, { 'etc/systemd/network': '' }, 'generic')).toHaveLength(2);
  });

  it.each([
    [{ 'etc/network/interfaces': 'auto lo\n' }, 'debian', 'etc/network/interfaces', 0o644],
    [{ 'etc/netplan': '' }, 'debian', 'etc/netplan/90-cella.yaml', 0o600],
    [
      { 'etc/NetworkManager': '' },
      'redhat',
      'etc/NetworkManager/system-connections/cella-eth0.nmconnection',
      0o600,
    ],
    [{}, 'redhat', 'etc/sysconfig/network-scripts/ifcfg-eth0', 0o644],
  ] as const)('is where %j of %s has it, and is taken away again', (files, family, path, mode) => {
    expect(filesFor(settings(DHCP))).toContain(path);
    const [first, ...more] = edits(DHCP, files, family);
    expect(more).toEqual([]);
    expect(first).toEqual([path, expect.stringMatching(/dhcp|method=auto/), mode]);
    const written = { ...files, [path]: String(first?.[1]) };
    expect(edits(DHCP, written, family)).toEqual([]);
    const [fixed] = edits(FIXED, written, family);
    expect(fixed?.[0]).toBe(path);
    expect(fixed?.[1]).not.toMatch(/inet dhcp|dhcp4: true|method=auto|BOOTPROTO=dhcp/);
  });

  it('names the host by its addresses, and the others on the private network where that is asked for', () => {
    const own = 'HOSTNAME="web"\nIP_ADDRESS="192.0.2.1"\nNAT="yes"\nNAT_ADDRESS="10.7.7.2"\n';
    const hosts = (text: string, before = '') =>
      edits(text, { 'etc/hosts': before }).find(([path]) => path === 'etc/hosts')?.[1];
    expect(hosts(own)).toMatch(/\n192\.0\.2\.1\tweb\n10\.7\.7\.2\tweb\n# End/);
    const named = hosts(`${own}NAT_NAMES="yes"\n`);
    expect(named).toMatch(/\n10\.7\.7\.2\tweb\n10\.7\.7\.3\tdb\.example db\nfd07::3\tdb\.example db\n# End/);
    expect(hosts('NAT_NAMES="yes"\n')).toMatch(/changes to it are lost\.\n10\.7\.7\.3\tdb/);
    expect(hosts('NAT_NAMES="no"\n', String(named))).toBe('');
    expect(hosts('NAT="yes"\n', String(named))).toBeUndefined();
  });
});
