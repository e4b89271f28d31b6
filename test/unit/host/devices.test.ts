/** Devices looked up in a /sys and a /dev of the test's own. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookUp } from '../../../src/container/given.js';
import { nodeByName, nodeByNumbers, pciDevice } from '../../../src/host/devices.js';

let root: string;
const places = () => ({ dev: `${root}/dev`, sys: `${root}/sys` });

const DISK = 'devices/pci0000:00/0000:00:04.0';
const NIC = 'devices/pci0000:00/0000:00:1c.0/0000:02:00.1';

function put(path: string, text: string): void {
  mkdirSync(dirname(`${root}/sys/${path}`), { recursive: true });
  writeFileSync(`${root}/sys/${path}`, text);
}

beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/cella-sys-`);
  mkdirSync(`${root}/dev/net`, { recursive: true });
  for (const name of ['null', 'zero']) symlinkSync(`/dev/${name}`, `${root}/dev/${name}`);
  writeFileSync(`${root}/dev/file`, '');
  const disk = `${DISK}/virtio1/block/vda`;
  put(`${disk}/dev`, '254:0\n');
  put(`${disk}/uevent`, 'MAJOR=254\nMINOR=0\nDEVNAME=vda\nDEVTYPE=disk\n');
  put(`${disk}/vda1/dev`, '254:1\n');
  put(`${disk}/vda1/uevent`, 'MAJOR=254\nMINOR=1\nDEVNAME=vda1\n');
  put('class/block/.keep', '');
  symlinkSync('../../../../../../class/block', `${root}/sys/${disk}/subsystem`);
  symlinkSync('../../../../../../../class/block', `${root}/sys/${disk}/vda1/subsystem`);
  put(`${NIC}/net/enp2s0/ifindex`, '3\n');
  put(`${NIC}/ptp/ptp0/dev`, '250:0\n');
  put(`${NIC}/ptp/ptp0/uevent`, 'DEVNAME=ptp/zero\n');
  // A driver's link back to the bus leads to everybody's devices.
  symlinkSync('../../..', `${root}/sys/${NIC}/upwards`);
  mkdirSync(`${root}/sys/bus/pci/devices`, { recursive: true });
  for (const at of [DISK, NIC, dirname(NIC)])
    symlinkSync(`../../../${at}`, `${root}/sys/bus/pci/devices/${at.slice(at.lastIndexOf('/') + 1)}`);
  mkdirSync(`${root}/sys/dev/block`, { recursive: true });
  symlinkSync(`../../${disk}`, `${root}/sys/dev/block/254:0`);
});
afterEach(() => rmSync(root, { recursive: true }));

describe('a PCI device', () => {
  it('is a disk and its partitions', () => {
    expect(pciDevice(places(), '0000:00:04.0')).toEqual({
      interfaces: [],
      nodes: [
        { name: 'vda', type: 'b', major: 254, minor: 0, permissions: 0o660 },
        { name: 'vda1', type: 'b', major: 254, minor: 1, permissions: 0o660 },
      ],
    });
  });

  it('is a network interface with what else belongs to it, and not the bridge before it', () => {
    const nodes = [{ name: 'ptp/zero', type: 'c', major: 250, minor: 0, permissions: 0o660 }];
    expect(pciDevice(places(), '0000:02:00.1')).toEqual({ interfaces: ['enp2s0'], nodes });
    expect(pciDevice(places(), '0000:00:1c.0')).toEqual({ interfaces: [], nodes: [] });
  });

  it('that is not there is refused', () => {
    expect(() => pciDevice(places(), '0000:09:00.0')).toThrow(
      expect.objectContaining({ code: 'PCI_FAILED' }),
    );
  });
});

describe('a device', () => {
  it('by its name has the numbers and the mode of the host’s', () => {
    expect(nodeByName(places(), 'null')).toEqual({
      name: 'null',
      type: 'c',
      major: 1,
      minor: 3,
      permissions: 0o666,
    });
    for (const name of ['file', 'net', 'absent'])
      expect(() => nodeByName(places(), name)).toThrow(expect.objectContaining({ code: 'DEVICE_FAILED' }));
  });

  it('by its numbers has the name that the kernel gives it', () => {
    expect(nodeByNumbers(places(), { type: 'b', major: 254, minor: 0 })).toMatchObject({ name: 'vda' });
    expect(nodeByNumbers(places(), { type: 'c', major: 254, minor: 0 })).toBeUndefined();
    put('devices/evil/uevent', 'DEVNAME=../../etc/passwd\n');
    symlinkSync('../../devices/evil', `${root}/sys/dev/block/7:0`);
    expect(nodeByNumbers(places(), { type: 'b', major: 7, minor: 0 })).toBeUndefined();
  });
});

describe('what a container is given', () => {
  const wanted = {
    features: new Map(),
    devnodes: [],
    devices: [],
    pci: [],
    netdevs: [],
    bindmounts: [],
    localUid: 1_048_576,
  } as const;

  it('is nodes, access and interfaces of all it names, once each', () => {
    const given = lookUp(
      {
        ...wanted,
        features: new Map([
          ['fuse', true],
          ['tun', false],
        ]),
        pci: ['0000:02:00.1'],
        netdevs: ['enp2s0', 'eth7'],
        devnodes: [{ name: 'zero', mode: 'rq' }],
        devices: [{ type: 'b', major: 254, minor: 0, mode: 'r' }],
      },
      places(),
    );
    expect(given.nodes.map(({ name }) => name)).toEqual(['fuse', 'ptp/zero', 'zero', 'vda']);
    expect(given.interfaces).toEqual(['enp2s0', 'eth7']);
    expect(given.access).toEqual([
      { type: 'c', major: 10, minor: 229, access: 'rwm' },
      { type: 'c', major: 250, minor: 0, access: 'rwm' },
      { type: 'c', major: 1, minor: 5, access: 'rm' },
      { type: 'b', major: 254, minor: 0, access: 'rm' },
    ]);
  });

  it('has the last word from the numbers, and no node for a privileged container or for all minors', () => {
    const devices = [
      { type: 'c', major: 1, minor: 5, mode: 'w' },
      { type: 'b', major: 254, minor: 'all', mode: 'rw' },
      { type: 'b', major: 254, minor: 0, mode: 'none' },
    ] as const;
    const given = lookUp(
      { ...wanted, localUid: 0, devices, devnodes: [{ name: 'zero', mode: 'r' }] },
      places(),
    );
    expect(given.nodes.map(({ name }) => name)).toEqual(['zero']);
    expect(given.access).toEqual([
      { type: 'c', major: 1, minor: 5, access: 'wm' },
      { type: 'b', major: 254, minor: null, access: 'rwm' },
    ]);
  });
});
