/** The typed configurations: merging, substitution, defaults, and all complaints at once. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContainerConfig, readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { parseConfig } from '../../../src/config/grammar.js';
import { readHostConfig } from '../../../src/config/host-config.js';
import { HOST_CONFIG_TEXT, SAMPLES } from '../../../src/config/samples.js';
import type { CellaError } from '../../../src/errors.js';

const NAMES = { host: 'vz.conf', container: '101.conf' };

function read(own: string, host = ''): ContainerConfig {
  return readContainerConfig(parseCtid('101'), parseConfig(host), parseConfig(own), NAMES);
}

function complaints(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
    return (error as CellaError).message.split('\n');
  }
  return [];
}

describe('readContainerConfig', () => {
  it('has defaults for everything', () => {
    expect(read('')).toMatchObject({
      ctid: 101,
      root: '/var/lib/vz/root/101',
      privateArea: '/var/lib/vz/private/101',
      ram: undefined,
      swap: undefined,
      numproc: undefined,
      stopTimeout: 120,
      disabled: false,
      onboot: undefined,
      layout: { tree: 'overlay', store: 'auto' },
      disk: { space: undefined, inodes: undefined, userQuotas: false },
    });
  });

  it('reads every value', () => {
    const text = `VE_ROOT=/r/\${VEID}\nVE_PRIVATE="/p/$VEID"\nOSTEMPLATE=busybox\nORIGIN_SAMPLE=basic
HOSTNAME=a.example\nNAME="my web"\nDESCRIPTION="two words"\nPHYSPAGES="0:65536"\nSWAPPAGES="0:512M"
NUMPROC="100:200"\nLOCAL_UID=100000\nLOCAL_GID=0\nSTOP_TIMEOUT=5\nDISABLED=yes\nONBOOT=no\nBOOTORDER=7
VE_LAYOUT=ploop:raw\nDISKSPACE=1G:2.2G\nDISKINODES=5:4\nQUOTAUGIDLIMIT=7\nTHIRD_PARTY="x"\n`;
    expect(read(text)).toMatchObject({
      ctid: 101,
      root: '/r/101',
      privateArea: '/p/101',
      template: 'busybox',
      sample: 'basic',
      hostname: 'a.example',
      name: 'my web',
      description: 'two words',
      ram: 268435456n,
      swap: 536870912n,
      numproc: 200n,
      localUid: 100000,
      localGid: 0,
      stopTimeout: 5,
      disabled: true,
      onboot: false,
      bootorder: 7,
      layout: { tree: 'overlay', store: 'image' },
      disk: {
        space: { soft: 1n << 30n, hard: 2_362_231_808n },
        inodes: { soft: 4n, hard: 4n },
        userQuotas: true,
      },
    });
  });

  it('lets the container win over the host, and an empty value count as none', () => {
    const config = read('STOP_TIMEOUT=5\nVE_ROOT=""\n', 'STOP_TIMEOUT=9\nVE_ROOT=/h/$VEID\nBOOTORDER=3\n');
    expect(config).toMatchObject({ stopTimeout: 5, root: '/h/101', bootorder: 3 });
  });

  it('takes unlimited and zero as legacy does', () => {
    const config = read('PHYSPAGES="0:unlimited"\nNUMPROC=9223372036854775807\nSWAPPAGES=0\nSTOP_TIMEOUT=0');
    expect(config).toMatchObject({ ram: undefined, numproc: undefined, swap: 0n, stopTimeout: 120 });
    const { disk } = read('DISKSPACE=unlimited\nDISKINODES=9223372036854775807\nQUOTAUGIDLIMIT=0');
    expect(disk).toEqual({ space: undefined, inodes: undefined, userQuotas: false });
  });

  it('lists every complaint by file and line', () => {
    const own =
      'HOSTNAME=a_b\nwhat is this\nDISABLED=maybe\nNAME=5\nDISABLED=no\nVE_ROOT=/a/../b\nPHYSPAGES=0\n';
    expect(complaints(() => read(own, '\nSTOP_TIMEOUT=x\n'))).toEqual([
      '101.conf:1: HOSTNAME: bad host name: "a_b"',
      '101.conf:2: not of the form KEY="value"',
      '101.conf:3: DISABLED: yes or no expected: "maybe"',
      '101.conf:4: NAME: bad container name: "5"',
      '101.conf:5: DISABLED: already set on line 3',
      '101.conf:6: VE_ROOT: path must not contain "..": "/a/../b"',
      '101.conf:7: PHYSPAGES: limit must be more than zero: "0"',
      'vz.conf:2: STOP_TIMEOUT: bad number of seconds: "x"',
    ]);
  });

  it.each([
    ['VE_PRIVATE=relative', 'path must be absolute: "relative"'],
    ['VE_PRIVATE=/', 'path must not be the root directory: "/"'],
    ['VE_PRIVATE=/./', 'path must not be the root directory: "/./"'],
    ['VE_PRIVATE=/a/$HOME', 'path has a character that is not allowed: "/a/$HOME"'],
    ['VE_PRIVATE=/var/lib/vz/root/$VEID', 'the same path as VE_ROOT: "/var/lib/vz/root/101"'],
  ])('refuses %s', (text, complaint) => {
    expect(complaints(() => read(text))).toEqual([`101.conf:1: VE_PRIVATE: ${complaint}`]);
  });

  it('lets keys it does not know repeat', () => {
    expect(complaints(() => read('THIRD_PARTY=a\nTHIRD_PARTY=b\nLOCKDIR=x\n'))).toEqual([]);
  });

  it('throws nothing but INVALID_CONFIG, whatever the text', () => {
    const key = fc.constantFrom('VE_ROOT', 'HOSTNAME', 'PHYSPAGES', 'NUMPROC', 'LOCAL_UID', 'NAME', 'ONBOOT');
    const line = fc.oneof(
      fc.string(),
      fc.tuple(key, fc.string()).map(([k, v]) => `${k}="${v}"`),
    );
    fc.assert(fc.property(fc.array(line), (lines) => void complaints(() => read(lines.join('\n')))));
  });

  it.each(Object.entries(SAMPLES))('accepts the sample %s', (_name, text) => {
    expect(complaints(() => read(text, HOST_CONFIG_TEXT))).toEqual([]);
  });

  it('gives a vswap sample twice its memory as swap', () => {
    expect(read(SAMPLES['vswap-1g'])).toMatchObject({ ram: 1n << 30n, swap: 1n << 31n });
  });
});

describe('readHostConfig', () => {
  const expected = {
    template: '/var/lib/vz/template',
    lockDir: '/run/vz/lock',
    dumpDir: '/var/lib/vz/dump',
    logFile: '/var/log/vzctl.log',
    logging: true,
    parallel: 4,
    admission: { mode: 'off', overcommit: 100 },
    lxcfs: '/var/lib/lxcfs',
    reclaimIdle: 0,
    raisesLimits: true,
    defaultTemplate: 'busybox',
    defaultSample: 'vswap-256m',
    root: '/var/lib/vz/root/$VEID',
    private: '/var/lib/vz/private/$VEID',
    network: {
      neighbourDevices: 'detect',
      probesAddresses: true,
      refusesUsed: true,
      privateNetworks: [],
      ipv6: true,
    },
  };

  it.each([
    ['an empty file', ''],
    ['the shipped file', HOST_CONFIG_TEXT],
  ])('gives the defaults for %s', (_, text) => {
    expect(readHostConfig(parseConfig(text), 'vz.conf')).toEqual(expected);
  });

  it.each([
    ['ADMISSION="refuse"\nOVERCOMMIT_MEMORY="150%"', { mode: 'refuse', overcommit: 150 }],
    ['ADMISSION="warn"\nOVERCOMMIT_MEMORY="unlimited"', { mode: 'warn', overcommit: 'unlimited' }],
  ])('reads who may start: %s', (text, admission) => {
    expect(readHostConfig(parseConfig(text), 'vz.conf').admission).toEqual(admission);
  });

  it('reads how the host is on the network', () => {
    const text = `NEIGHBOUR_DEVS="list:eth0 eth1"\nSKIP_ARPDETECT=yes\nERROR_ON_ARPFAIL=no\nIPV6=no
PRIVATE_NETWORK="10.7.0.0/24 FD00:1::/64"\nTOTALRATE="eth0:1:102400"\n`;
    expect(readHostConfig(parseConfig(text), 'vz.conf').network).toEqual({
      neighbourDevices: ['eth0', 'eth1'],
      probesAddresses: false,
      refusesUsed: false,
      privateNetworks: [
        { family: 4, address: '10.7.0.0', prefix: 24 },
        { family: 6, address: 'fd00:1::', prefix: 64 },
      ],
      ipv6: false,
    });
  });

  it.each([
    ['ADMISSION="yes"', 'ADMISSION: refuse, warn or off expected: "yes"'],
    ['OVERCOMMIT_MEMORY="0"', 'OVERCOMMIT_MEMORY: a number of percent from 1 on, or unlimited expected: "0"'],
    ['NEIGHBOUR_DEVS="list:"', 'NEIGHBOUR_DEVS: all, detect or list:NAME… expected: "list:"'],
    ['NEIGHBOUR_DEVS="list:a/b"', 'NEIGHBOUR_DEVS: bad interface name: "a/b"'],
    [
      'PRIVATE_NETWORK="10.0.0.1/24"',
      'PRIVATE_NETWORK: address has bits beyond its mask, 10.0.0.0/24 has not: "10.0.0.1/24"',
    ],
    [
      'PRIVATE_NETWORK="10.0.0.0/30"',
      'PRIVATE_NETWORK: a network of eight addresses or more expected: "10.0.0.0/30"',
    ],
    [
      'PRIVATE_NETWORK="10.0.0.0/24 10.0.1.0/24"',
      'PRIVATE_NETWORK: one network of each family expected: "10.0.0.0/24 10.0.1.0/24"',
    ],
    [
      'PRIVATE_NETWORK="127.0.0.0/8"',
      'PRIVATE_NETWORK: address of every loopback, not of one host: "127.0.0.0"',
    ],
  ])('refuses %s', (text, complaint) => {
    expect(complaints(() => readHostConfig(parseConfig(text), 'vz.conf'))).toEqual([
      `vz.conf:1: ${complaint}`,
    ]);
  });

  it('lists every complaint', () => {
    const text = 'LOGGING=1\nVE_PRIVATE=/vz\nTEMPLATE=t\nLOCKDIR=/a\nLOCKDIR=/b\n';
    expect(complaints(() => readHostConfig(parseConfig(text), 'vz.conf'))).toEqual([
      'vz.conf:1: LOGGING: yes or no expected: "1"',
      'vz.conf:2: VE_PRIVATE: path must contain $VEID: "/vz"',
      'vz.conf:3: TEMPLATE: path must be absolute: "t"',
      'vz.conf:5: LOCKDIR: already set on line 4',
    ]);
  });
});
