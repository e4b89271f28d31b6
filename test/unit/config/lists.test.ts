/** Lists: what options make of them, in whatever form somebody wrote them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { applyEdits, withoutEffect } from '../../../src/config/edits.js';
import { formatConfig, getSettings, parseConfig } from '../../../src/config/grammar.js';
import { changesFromOptions, type Options } from '../../../src/config/overrides.js';
import { findByKey, PARAMETERS } from '../../../src/config/parameters.js';
import { parseUserPassword } from '../../../src/config/texts.js';

const edited = (before: string, options: Options): string =>
  formatConfig(applyEdits(parseConfig(before), changesFromOptions(options)));

const read = (text: string) =>
  readContainerConfig(parseCtid('101'), parseConfig(''), parseConfig(text), { host: 'h', container: 'c' });

describe('options of lists', () => {
  it.each<[before: string, options: Options, after: string]>([
    ['', { ipadd: ['10.0.0.1', '2001:DB8::0:1/64'] }, 'IP_ADDRESS="10.0.0.1 2001:db8::1/64"\n'],
    ['IP_ADDRESS="a 10.0.0.1/24"\n', { ipdel: '10.0.0.1' }, 'IP_ADDRESS="a"\n'],
    ['IP_ADDRESS="10.0.0.1"\n', { ipadd: '10.0.0.1/8' }, 'IP_ADDRESS="10.0.0.1/8"\n'],
    ['IP_ADDRESS="10.0.0.1"\n', { ipadd: '10.0.0.2', ipdel: 'all' }, 'IP_ADDRESS="10.0.0.2"\n'],
    ['IP_ADDRESS="10.0.0.1"\nX=1\n', { ipdel: 'all' }, 'X=1\n'],
    ['DEVNODES="net/tun:rw fuse:r"\n', { devnodes: 'fuse:none' }, 'DEVNODES="net/tun:rw"\n'],
    ['', { devnodes: '/dev/net/tun:wr' }, 'DEVNODES="net/tun:rw"\n'],
    ['', { devices: ['c:10:229:rw', 'b:8:all:rq'] }, 'DEVICES="c:10:229:rw b:8:all:rq"\n'],
    ['DEVICES="c:10:229:rw"\n', { devices: 'c:10:229:none' }, ''],
    [
      'CAPABILITY="CHOWN:on"\n',
      { capability: 'cap_chown:off,net_admin:on' },
      'CAPABILITY="CHOWN:off NET_ADMIN:on"\n',
    ],
    ['FEATURES="nfs:on,fuse:off"\n', { features: 'fuse:on' }, 'FEATURES="nfs:on fuse:on"\n'],
    ['', { bindmount_add: '/a/./b:/c/,nodev,ro' }, 'BINDMOUNT="/a/b:/c,ro,nodev"\n'],
    ['BINDMOUNT="/a:/b /c"\n', { bindmount_del: '/b/' }, 'BINDMOUNT="/c"\n'],
    [
      '',
      { netif_add: 'eth0,00:18:51:AA:00:01,,,br0' },
      'NETIF="ifname=eth0,bridge=br0,mac=00:18:51:aa:00:01"\n',
    ],
    ['NETIF="ifname=eth0;ifname=eth1"\n', { netif_del: 'eth0' }, 'NETIF="ifname=eth1"\n'],
    [
      'NETIF="ifname=eth0,bridge=a"\n',
      { ifname: 'eth0', mac_filter: 'on' },
      'NETIF="ifname=eth0,bridge=a,mac_filter=on"\n',
    ],
    ['', { hugepages: ['2048K:64M,1G:0', '16M:1.5G'] }, 'HUGEPAGES="2M:64M 1G:0 16M:1536M"\n'],
    ['HUGEPAGES="2M:64M 1G:0"\n', { hugepages: '2M:unlimited,1G:1G' }, 'HUGEPAGES="1G:1G"\n'],
    ['', { pci_add: '1:0.7' }, 'PCI="0000:01:00.7"\n'],
    ['NETDEV="eth1 eth2"\n', { netdev_del: 'eth1' }, 'NETDEV="eth2"\n'],
    ['NAMESERVER="10.0.0.1"\n', { nameserver: ['10.0.0.2', '10.0.0.3'] }, 'NAMESERVER="10.0.0.2 10.0.0.3"\n'],
    ['NAMESERVER="10.0.0.1"\n', { nameserver: '' }, 'NAMESERVER=""\n'],
    ['', { searchdomain: 'inherit' }, 'SEARCHDOMAIN="inherit"\n'],
    ['', { rate: '*:1:500' }, 'RATE="*:1:500"\n'],
    ['X=1\n', { userpasswd: 'root:secret' }, 'X=1\n'],
  ])('%j with %j is %j', (before, options, after) => {
    expect(edited(before, options)).toBe(after);
  });

  it('need an interface to change', () => {
    expect(() => edited('', { ifname: 'eth0', mac_filter: 'on' })).toThrow('there is no "eth0" to change');
  });

  it.each<[Options, string]>([
    [{ ipadd: '10.0.0.1/33' }, 'BAD_ADDRESS'],
    [{ ipadd: '10.0.0.1/255.0.255.0' }, 'BAD_ADDRESS'],
    [{ ipadd: '10.0.0' }, 'BAD_ADDRESS'],
    [{ ipadd: '::g' }, 'BAD_ADDRESS'],
    [{ ipadd: '' }, 'BAD_VALUE'],
    [{ nameserver: '10.0.0.1/8' }, 'BAD_NAMESERVER'],
    [{ searchdomain: '-a' }, 'BAD_SEARCHDOMAIN'],
    [{ devnodes: '../sda:rw' }, 'BAD_VALUE'],
    [{ devnodes: 'sda:x' }, 'BAD_VALUE'],
    [{ devices: 'c:5000:1:rw' }, 'BAD_VALUE'],
    [{ capability: 'fly:on' }, 'BAD_VALUE'],
    [{ capability: 'chown' }, 'BAD_VALUE'],
    [{ features: 'nesting:yes' }, 'BAD_VALUE'],
    [{ hugepages: '64M' }, 'BAD_VALUE'],
    [{ hugepages: '3M:6M' }, 'BAD_VALUE'],
    [{ hugepages: '4K:8K' }, 'BAD_VALUE'],
    [{ hugepages: '2M:3M' }, 'BAD_VALUE'],
    [{ bindmount_add: 'relative' }, 'BAD_VALUE'],
    [{ bindmount_add: '/a:/../b' }, 'BAD_VALUE'],
    [{ bindmount_add: '/a,suid' }, 'BAD_VALUE'],
    [{ netif_add: 'eth0,01:00:00:00:00:00' }, 'BAD_VALUE'],
    [{ netdev_add: 'a/b' }, 'BAD_VALUE'],
    [{ pci_add: '0:20.0' }, 'BAD_VALUE'],
    [{ rate: 'eth0:16:5' }, 'BAD_VALUE'],
    [{ userpasswd: 'root' }, 'BAD_VALUE'],
    [{ ram: ['1G', '2G'] }, 'BAD_OPTION'],
  ])('refuse %j with %s', (options, code) => {
    expect(() => changesFromOptions(options)).toThrow(expect.objectContaining({ code }));
  });
});

describe('lists in files', () => {
  it('are typed, and several lines make one', () => {
    const config =
      read(`CAPABILITY="NET_ADMIN:on, SYS_TIME:off"\nCAPABILITY="NET_ADMIN:off"\nFEATURES="tun:on"
DEVNODES="net/tun:rw x:none"\nDEVICES="b:8:all:rw"\nBINDMOUNT="/s:/t,ro /u"\nNETDEV="eth1"\nPCI="00:1f.2"
IP_ADDRESS="10.0.0.1"\nIP_ADDRESS="10.0.0.2/255.255.255.0"\nNAMESERVER="inherit"\nSEARCHDOMAIN="a.b c"
MOUNT_OPTS="noatime,discard=on"\n`);
    expect(config).toMatchObject({
      capabilities: new Map([
        ['NET_ADMIN', false],
        ['SYS_TIME', false],
      ]),
      features: new Map([['tun', true]]),
      devnodes: [{ name: 'net/tun', mode: 'rw' }],
      devices: [{ type: 'b', major: 8, minor: 'all', mode: 'rw' }],
      bindmounts: [
        { source: '/s', target: '/t', flags: ['ro'] },
        { source: undefined, target: '/u', flags: [] },
      ],
      netdevs: ['eth1'],
      pci: ['0000:00:1f.2'],
      network: {
        addresses: [
          { family: 4, address: '10.0.0.1', prefix: undefined },
          { family: 4, address: '10.0.0.2', prefix: 24 },
        ],
      },
      nameservers: 'inherit',
      searchdomains: ['a.b', 'c'],
      mountOptions: ['noatime', 'discard=on'],
    });
  });

  it('of other tools survive an edit of something else', () => {
    const text =
      'NETIF="something else; entirely"\nDISK="uuid=1,size=2"\nUNKNOWN="x y"\n# and this\nBROKEN LINE\n';
    expect(edited(text, { ram: '1G' })).toBe(`${text}PHYSPAGES="0:262144"\n`);
  });
});

describe('any list', () => {
  const options = PARAMETERS.filter(
    ({ value, option, edit, field }) => value.list && option && edit === 'set' && !field,
  );
  const items: Readonly<Record<string, fc.Arbitrary<string>>> = {
    IP_ADDRESS: fc.oneof(
      fc.tuple(fc.nat(99), fc.nat(255)).map(([a, b]) => `10.${a}.0.${b}`),
      fc.nat(0xffff).map((group) => `2001:DB8::${group.toString(16)}:1`),
    ),
    PUBLISH: fc.integer({ min: 1, max: 65_535 }).map((port) => `${port}:80`),
    FIREWALL: fc.constantFrom('in:accept:tcp:25', 'out:drop', 'in:reject:any::2001:db8::/32'),
    NAMESERVER: fc.ipV4(),
    SEARCHDOMAIN: fc.domain(),
    NETDEV: fc.stringMatching(/^[a-z][a-z0-9]{0,14}$/),
    NETIF: fc.stringMatching(/^[a-z][a-z0-9]{0,14}$/),
    CAPABILITY: fc.constantFrom('chown:on', 'kill:off', 'NET_RAW:on'),
    FEATURES: fc.constantFrom('fuse:on', 'tun:off', 'time:on'),
    DEVNODES: fc.stringMatching(/^[a-z]{1,9}:(r|rw|w)$/),
    DEVICES: fc.stringMatching(/^[bc]:[0-9]{1,3}:([0-9]{1,5}|all):rw$/),
    PCI: fc.stringMatching(/^[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/),
    HUGEPAGES: fc.stringMatching(/^(2M|64K|1G):[0-9]{1,3}G$/),
    BINDMOUNT: fc.stringMatching(/^(\/[a-z]{1,5}:)?\/[a-z]{1,5}(,ro)?$/),
    RATE: fc.stringMatching(/^eth[0-9]:[0-9]:[1-9][0-9]{0,5}$/),
    USERPASSWD: fc.stringMatching(/^[a-z]{1,8}:[!-~]{1,20}$/),
  };

  it.each(options.map(({ option, key }) => [option ?? '', key]))(
    '%s: what is added is there once, and can be added again',
    (option, key) => {
      fc.assert(
        fc.property(fc.array(items[key] as fc.Arbitrary<string>, { minLength: 1, maxLength: 5 }), (given) => {
          const once = edited('', { [option]: given });
          expect(edited(once, { [option]: given })).toBe(once);
          const saved = getSettings(parseConfig(once)).get(key)?.value;
          expect(saved === undefined).toBe(!findByKey(key)?.saved);
          findByKey(key)?.value.parse(saved ?? '');
        }),
      );
    },
  );
});

it('passwords are read as they are, and never repeated in a complaint', () => {
  expect(parseUserPassword('root:a:b c"$')).toEqual({ user: 'root', password: 'a:b c"$' });
  expect(() => parseUserPassword('ro ot:secret')).toThrow(/^(?!.*secret)/);
});

it('names options that are only kept', () => {
  expect(withoutEffect(changesFromOptions({ ram: '1G', kmemsize: '1M', numtcpsock: '5' }))).toEqual([
    '--kmemsize',
    '--numtcpsock',
  ]);
});
