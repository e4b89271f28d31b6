/** Configs of OpenVZ's: what counts here, what is kept for nothing, what changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { getSettings, parseConfig } from '../../../src/config/grammar.js';
import { importConfig, importedStore } from '../../../src/config/imported-config.js';
import { PARAMETERS } from '../../../src/config/parameters.js';

const facts = { hasTemplate: () => true, isNameTaken: () => false };
const imported = (lines: readonly string[], more: Partial<typeof facts> = {}) =>
  importConfig(lines.join('\n'), { ...facts, ...more });
const changes = (...args: Parameters<typeof imported>) =>
  imported(...args).changed.map(({ key, from, to }) => [key, from, to]);
const NAMES = { host: 'vz.conf', container: '101.conf' };

describe('an imported config', () => {
  it('keeps what counts and what nobody knows, comments too', () => {
    const lines = ['# mine', 'HOSTNAME="a.example"', 'NUMTCPSOCK="100"', 'PANEL_KEY="x"  # theirs', ''];
    const { text, used, ignored, changed } = imported(lines);
    expect(text).toBe(lines.join('\n'));
    expect(used).toEqual([{ key: 'HOSTNAME', value: 'a.example' }]);
    expect(ignored.map(({ key, reason }) => [key, reason])).toEqual([
      ['NUMTCPSOCK', 'it has no effect here: TCP sockets'],
      ['PANEL_KEY', 'nobody here knows it'],
    ]);
    expect(changed).toEqual([]);
  });

  it.each([
    [['VE_ROOT="/vz/root/$VEID"'], [['VE_ROOT', '/vz/root/$VEID', null]]],
    [['LOCAL_UID="100000"'], [['LOCAL_UID', '100000', null]]],
    [
      ['DCACHE="5:6"'],
      [
        ['DCACHE', '5:6', null],
        ['DCACHESIZE', null, '5:6'],
      ],
    ],
    [['DCACHE="5:6"', 'DCACHESIZE="1:2"'], [['DCACHE', '5:6', null]]],
    [['NUMPROC="5"', 'NUMPROC="6"'], [['NUMPROC', '6', null]]],
    [['NUMPROC="many"'], [['NUMPROC', 'many', null]]],
    [['CAPABILITY="SYS_TIME:on BOGUS:on"'], [['CAPABILITY', 'SYS_TIME:on BOGUS:on', 'SYS_TIME:on']]],
    [
      ['IP_ADDRESS="192.0.2.1"', 'IP_ADDRESS="nowhere 192.0.2.2"'],
      [['IP_ADDRESS', '192.0.2.1', '192.0.2.1 192.0.2.2']],
    ],
    [['oh no', 'HOSTNAME="a"'], [['line 1', 'oh no', null]]],
    [['NETDEV="eth1"', 'NETDEV="%"'], [['NETDEV', 'eth1', 'eth1']]],
    [['NAT_ADDRESS="10.0.0.2"'], [['NAT_ADDRESS', '10.0.0.2', null]]],
    [['NETIF="ifname=eth0;ifname=eth1"', 'NUMNETIF="1"'], [['NUMNETIF', '1', null]]],
    [
      ['NETIF="ifname=eth0,ip=10.0.0.1/8"', 'IP_ADDRESS="10.0.0.1 10.0.0.2"'],
      [['IP_ADDRESS', '10.0.0.1 10.0.0.2', '10.0.0.2']],
    ],
    [
      ['NETIF="ifname=eth0,bridge=a;ifname=eth0,bridge=b;ifname=eth1,type=ipvlan"'],
      [
        [
          'NETIF',
          'ifname=eth0,bridge=a;ifname=eth0,bridge=b;ifname=eth1,type=ipvlan',
          'ifname=eth0,bridge=a',
        ],
      ],
    ],
    [['DISK_QUOTA="no"', 'DISKSPACE="1G"'], [['DISKSPACE', '1G', null]]],
  ])('%j changes %j', (lines, expected) => expect(changes(lines)).toEqual(expected));

  it('loses a name that is taken, and a template that is not here', () => {
    const lines = ['NAME="web"', 'OSTEMPLATE="debian-7"'];
    expect(changes(lines, { hasTemplate: () => false, isNameTaken: () => true })).toEqual([
      ['OSTEMPLATE', 'debian-7', null],
      ['NAME', 'web', null],
    ]);
    expect(changes(lines)).toEqual([]);
  });

  it.each([
    ['only old beancounters', ['PRIVVMPAGES="65536:69632"'], '0:69632', '0:0'],
    ['a limit of 32 bits that was none', ['PHYSPAGES="0:2147483647"', 'PRIVVMPAGES="100"'], '0:100', '0:0'],
    [
      'a limit that was none, and swap',
      ['PHYSPAGES="0:unlimited"', 'PRIVVMPAGES="100"', 'SWAPPAGES="0:7"'],
      '0:100',
      '0:7',
    ],
    ['VSwap', ['PHYSPAGES="0:50"', 'PRIVVMPAGES="100"'], '0:50', undefined],
    ['no limit at all', ['PRIVVMPAGES="unlimited"'], undefined, undefined],
    ['nothing', [], undefined, undefined],
  ])('of %s gets memory', (_, lines, ram, swap) => {
    const settings = getSettings(parseConfig(imported(lines).text));
    expect(settings.get('PHYSPAGES')?.value).toBe(ram);
    expect(settings.get('SWAPPAGES')?.value).toBe(swap);
  });

  it('can always be read, whatever it was, and keeps every key that nobody knows', () => {
    const key = fc.oneof(
      fc.constantFrom(...PARAMETERS.map((parameter) => parameter.key)),
      fc.constantFrom('PANEL', 'X_1', 'DCACHE', 'RSSPAGES', 'NUMSOCK'),
      fc.constantFrom('IP_ADDRESS', 'NAT_ADDRESS', 'NETIF', 'NUMNETIF', 'PUBLISH'),
    );
    const value = fc.oneof(
      fc.constantFrom(
        'yes',
        'no',
        '5',
        '5:6',
        'unlimited',
        'ploop',
        '/vz/$VEID',
        'a:on b:off',
        'eth0,x;y',
        '10.0.0.1',
        '10.0.0.1 fd00::1',
        'ifname=eth0,ip=10.0.0.1/8;ifname=eth1;ifname=eth0',
        '80:80 70-90:1',
        '1',
        '',
      ),
      fc.string({ maxLength: 20 }).map((text) => text.replace(/["\\`$\n\r\0]/g, '')),
    );
    const line = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(key, value).map(([name, text]) => `${name}="${text}"`) },
      fc.string({ maxLength: 30 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const { text } = imported(lines);
        const own = parseConfig(text);
        readContainerConfig(parseCtid('101'), parseConfig(''), own, NAMES);
        const before = getSettings(parseConfig(lines.join('\n')));
        for (const name of ['PANEL', 'X_1'])
          expect(getSettings(own).get(name)?.value).toBe(before.get(name)?.value);
        // Once more there is nothing to do.
        expect(imported(text.split('\n'))).toMatchObject({ text, changed: [] });
      }),
      { numRuns: 500 },
    );
  });
});

it.each([
  ['simfs', 'auto'],
  ['ploop:expanded', 'image'],
  ['ploop', 'image'],
  ['nonsense', 'auto'],
  [undefined, 'auto'],
])('the layout %s is held by %s', (layout, store) => expect(importedStore(layout)).toBe(store));
