/** Bridges of the host that are made on request. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { requires } from '../helpers/requires.js';
import type { Result } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox();
const networks = useNetworks(sandbox, 101, 102);
afterEach(() => rmSync(`${sandbox.rootDir}/etc/vz/bridges`, { recursive: true, force: true }));
const bridge = (...args: readonly string[]): Promise<Result> =>
  networks.command('cella', ['network', 'bridge', ...args]);
const file = (): string => `${sandbox.rootDir}/etc/vz/bridges/br1`;
const NETDEV_FAILED = 104;

/** A container whose eth0 is on br1. */
async function start(ctid: number, address: string, ...more: readonly string[]): Promise<void> {
  await sandbox.create(ctid);
  await networks.good(
    ...['set', String(ctid), '--netif_add', 'eth0,,,,br1', '--save'],
    ...['--ifname', 'eth0', '--ipadd', address, ...more],
  );
  await networks.good('start', String(ctid), '--wait');
}

it('joins containers with each other, with the host and with what is at its port', async () => {
  await networks.host.run('ip addr flush dev eth1');
  const added = await bridge('add', 'br1', '--port', 'eth1', '--address', '198.51.100.1/24');
  expect(added).toMatchObject({ code: 0, stdout: 'Bridge br1 is there\n' });
  await start(101, '198.51.100.11/24');
  await start(102, '198.51.100.12/24');
  for (const machine of [networks.host, networks.lan])
    for (const address of ['198.51.100.11', '198.51.100.12'])
      expect(await machine.reaches(address)).toBe(true);
  const pings = await networks.vzctl('exec2', '101', 'ping -c 1 -W 2 198.51.100.12');
  expect(pings.code).toBe(0);
  expect((await bridge('list')).stdout).toMatch(/^br1 +no +198\.51\.100\.1\/24 +eth1,\S+,\S+$/m);
  // Whose hardware address it has does not depend on who is on it.
  const mac = await networks.host.run('cat /sys/class/net/br1/address || ip -br link show br1');
  expect(mac).toContain('ce:11:');
});

it('is there again for the next container that needs it, and by repair', { tags: ['slow'] }, async () => {
  await bridge('add', 'br1', '--address', '203.0.113.1/24');
  await start(101, '203.0.113.11/24');
  await networks.good('stop', '101');
  await networks.host.run('ip link del br1');
  expect((await bridge('list')).stdout).toContain('not there yet');
  await networks.good('start', '101', '--wait');
  expect(await networks.host.reaches('203.0.113.11')).toBe(true);
  await networks.host.run('ip addr del 203.0.113.1/24 dev br1; ip link set br1 down');
  expect(await networks.command('cella', ['network', 'repair'])).toMatchObject({ code: 0 });
  expect(await networks.host.reaches('203.0.113.11')).toBe(true);
});

it('is taken away when no container is on it or is to be', async () => {
  await bridge('add', 'br1');
  await start(101, '203.0.113.11/24');
  expect(await bridge('remove', 'br1')).toMatchObject({
    code: NETDEV_FAILED,
    stderr: expect.stringContaining("container 101 has an interface on bridge 'br1'") as string,
  });
  await networks.good('set', '101', '--netif_del', 'eth0', '--save');
  await networks.host.run('ip link add other type veth peer name other1; ip link set other master br1');
  expect(await bridge('remove', 'br1')).toMatchObject({
    code: NETDEV_FAILED,
    stderr: expect.stringContaining("network interface 'other' is on bridge 'br1'") as string,
  });
  await networks.host.run('ip link del other');
  expect(await bridge('remove', 'br1')).toMatchObject({ code: 0, stdout: 'Bridge br1 has been removed\n' });
  expect(existsSync(file())).toBe(false);
  await expect(networks.host.run('ip link show br1')).rejects.toThrow('does not exist');
  expect(await bridge('remove', 'br1')).toMatchObject({ code: NETDEV_FAILED });
});

it.each([
  ['an interface that has an address', ['br1', '--port', 'eth1'], "'eth1' has address 198.51.100.1"],
  ['an interface that is not there', ['br1', '--port', 'eth7'], "this host has no network interface 'eth7'"],
  ['the name of another one', ['eth1'], "this host has a network interface 'eth1' already"],
])('is not made of %s, and nothing is left', { tags: ['slow'] }, async (_, args, message) => {
  const before = await networks.host.run('ip -o link; ip -o addr');
  expect(await bridge('add', ...args)).toMatchObject({
    code: NETDEV_FAILED,
    stderr: expect.stringContaining(message) as string,
  });
  expect(await networks.host.run('ip -o link; ip -o addr')).toBe(before);
  expect(existsSync(file())).toBe(false);
});

it('says so where the kernel has no VLANs on bridges', { tags: ['slow'] }, async () => {
  const added = await bridge('add', 'br1', '--vlans');
  if (added.code === 0) expect((await bridge('list')).stdout).toMatch(/^br1 +yes/m);
  else
    expect(added).toMatchObject({
      code: NETDEV_FAILED,
      stderr: expect.stringContaining('bridges of this kernel do not tell VLANs apart') as string,
    });
});

it.each(['bridge.noted', 'bridge.removed'])(
  'is whole or gone after a kill at %s, by the same command once more',
  { tags: ['slow'] },
  async (point) => {
    const killed = { CELLA_FAULT: point };
    const args = ['network', 'bridge'];
    if (point === 'bridge.removed') await bridge('add', 'br1', '--address', '203.0.113.1/24');
    const verb = point === 'bridge.noted' ? ['add', 'br1', '--address', '203.0.113.1/24'] : ['remove', 'br1'];
    expect((await networks.command('cella', [...args, ...verb], killed)).code).not.toBe(0);
    if (point === 'bridge.noted') {
      expect(readFileSync(file(), 'utf8')).toContain('203.0.113.1/24');
      expect(await networks.command('cella', ['network', 'repair'])).toMatchObject({ code: 0 });
      expect(await networks.host.run('ip -o addr show br1')).toContain('203.0.113.1/24');
    }
    expect(await bridge('remove', 'br1')).toMatchObject({ code: 0 });
    expect(existsSync(file())).toBe(false);
  },
);

describe('a bridge that tells VLANs apart', () => {
  requires('bridge-vlans');

  it('has all of them at its ports, with their tags', { tags: ['slow'] }, async () => {
    await networks.host.run('ip addr flush dev eth1');
    expect(await bridge('add', 'br1', '--port', 'eth1', '--vlans')).toMatchObject({ code: 0 });
    await start(101, '203.0.113.11/24', '--vlan', '7');
    await networks.lan.run(`
      ip link add link eth0 name tagged7 type vlan id 7; ip link set tagged7 up
      ip addr add 203.0.113.2/24 dev tagged7`);
    expect(await networks.lan.reaches('203.0.113.11')).toBe(true);
    await networks.lan.run('ip addr del 203.0.113.2/24 dev tagged7; ip addr add 203.0.113.2/24 dev eth0');
    expect(await networks.lan.reaches('203.0.113.11')).toBe(false);
  });
});
