/** Routed links between a host and its containers, all of them network namespaces. */
import { beforeEach, describe, expect, it } from 'vitest';
import { useHostNetwork, venetOf } from '../helpers/host-network.js';
import type { Machine } from '../helpers/networks.js';

const network = useHostNetwork();
const VENET = 'network/venet';
const UPLINKS = 'network/uplinks';
const ANNOUNCE = 'network/announce';

const [ONE, TWO] = [
  venetOf(101, '192.0.2.11', '2001:db8::11', '192.0.2.12'),
  venetOf(102, '192.0.2.21', '2001:db8::21'),
];

const forward = async (): Promise<void> => {
  for (const family of [4, 6]) await network.call(UPLINKS, 'forward', family);
};

async function answerFor(plan: typeof ONE, policy: unknown = 'detect'): Promise<readonly Answering[]> {
  const found = await network.call<readonly Answering[]>(UPLINKS, 'findUplinks', plan.addresses, policy);
  await network.call(UPLINKS, 'addProxies', found);
  return found;
}

interface Answering {
  readonly uplink: { readonly index: number; readonly name: string; readonly mac: string };
  readonly address: { readonly address: string };
}

const sent = async (machine: Machine, device: string): Promise<number> =>
  Number(await machine.run(`cat /proc/net/dev | sed -n 's/^ *${device}: *//p' | awk '{print $10}'`));

describe('a routed link', () => {
  // The host has addresses that it can ask from.
  beforeEach(async () => void (await network.neighbour('eth0')));

  it('joins containers with the host and with each other, over IPv4 and IPv6, without asking who is there', async () => {
    const [one, two] = [await network.container(ONE), await network.container(TWO)];
    await forward();
    for (const { address } of ONE.addresses) {
      expect(await network.host.reaches(address)).toBe(true);
      expect(await two.reaches(address)).toBe(true);
    }
    expect(await one.reaches('192.0.2.21')).toBe(true);
    expect(await one.reaches('2001:db8::21')).toBe(true);
    // Replies too come from the address that was asked; what it begins itself comes from its first.
    expect(await one.run('ip -o route get 198.51.100.1')).toContain('src 192.0.2.11');
    const known = await network.host.run('ip neighbour show dev venet101 nud all');
    expect(known.split('\n').filter((line) => !line.includes('NOARP') && line !== '')).toEqual([]);
  });

  it('costs other links no more than a look at each of its addresses', async () => {
    const routes = 'ip -6 route show table all dev venet101';
    const machine = await network.container(ONE);
    expect(await network.host.run(routes)).toMatch(/^2001:db8::11 [^\n]*$/);
    expect(await network.host.run('ip -o link show venet101')).toContain('state UP');
    // Nor has it more when its other end was down for a while.
    await machine.run('ip link set venet0 down; ip link set venet0 up');
    await network.host.run('ip link show venet101');
    expect(await network.host.run(routes)).toMatch(/^2001:db8::11 [^\n]*$/);
    expect(await network.host.run('ip -o link show venet101')).toContain('state UP');
  });

  it('lets nothing pass while it is held, and is like any other when it is opened', async () => {
    const machine = await network.machine();
    await network.call(VENET, 'attachVenet', ONE, { open: machine.namespace }, true);
    expect(await network.host.run('ip -o link show venet101')).toContain('state DOWN');
    expect(await network.host.reaches('192.0.2.11')).toBe(false);
    await network.call(VENET, 'openVenet', ONE);
    for (const { address } of ONE.addresses) expect(await network.host.reaches(address)).toBe(true);
    expect(await network.host.run('ip -6 route show table all dev venet101')).toMatch(
      /^2001:db8::11 [^\n]*$/,
    );
  });

  it('has no use for a flood of ARP', async () => {
    const [one] = [await network.container(ONE), await network.container(TWO)];
    await one.run('ip link set venet0 arp on');
    const flood = Array.from(
      { length: 200 },
      (_, at) => `busybox arping -q -c 1 -w 1 -I venet0 192.0.2.${at + 30} &`,
    );
    await one.run(`${flood.join('\n')}\nwait || true`);
    expect(await sent(one, 'venet0')).toBeGreaterThanOrEqual(200);
    expect(await sent(network.host, 'venet101')).toBe(0);
    expect(await network.host.run('ip neighbour show nud all | grep -c 192.0.2. || true')).toBe('0');
    expect(await network.host.reaches('192.0.2.21')).toBe(true);
  });

  it('is refused an address that another has, naming who, and leaves no route behind', async () => {
    await network.container(ONE);
    const other = await network.machine();
    const plan = venetOf(102, '192.0.2.21', '2001:db8::11');
    await expect(network.call(VENET, 'attachVenet', plan, { open: other.namespace })).rejects.toMatchObject({
      code: 'IP_IN_USE',
      message: 'address 2001:db8::11 is in use by container 101',
    });
    expect(await network.host.run('ip route show 192.0.2.21')).toBe('');
    await network.host.run(
      'ip link add mine type dummy || ip link add mine type bridge; ip link set mine up',
    );
    await network.host.run('ip route add 192.0.2.99/32 dev mine');
    await expect(
      network.call(VENET, 'changeVenet', ONE, venetOf(101, '192.0.2.99'), { open: other.namespace }),
    ).rejects.toThrow();
    expect(await network.call(VENET, 'findHolder', { family: 4, address: '192.0.2.99' })).toMatchObject({
      name: 'mine',
    });
    expect(await network.call(VENET, 'findHolder', { family: 4, address: '192.0.2.100' })).toBe(undefined);
  });

  it('takes the place of one that was left, and may be taken away twice', async () => {
    const old = await network.container(ONE);
    const again = await network.container(ONE);
    expect(await network.host.reaches('192.0.2.11')).toBe(true);
    expect(await again.run('ip -o link show venet0')).toContain('venet0');
    await expect(old.run('ip link show venet0')).rejects.toThrow();
    for (const _ of [1, 2]) await network.call(VENET, 'detachVenet', ONE);
    expect(await network.host.run('ip route show 192.0.2.11; ip -6 route show 2001:db8::11')).toBe('');
    await network.call('netlink/links', 'removeLinks', [ONE.hostName]);
    await network.call(VENET, 'detachVenet', ONE);
  });

  it('gains and loses addresses while it is up, and default routes with the last of a family', async () => {
    const machine = await network.container(ONE);
    const after = venetOf(101, '192.0.2.12', '192.0.2.13');
    await network.call(VENET, 'changeVenet', ONE, after, { open: machine.namespace });
    for (const [address, reached] of [
      ['192.0.2.11', false],
      ['192.0.2.12', true],
      ['192.0.2.13', true],
    ] as const)
      expect([address, await network.host.reaches(address)]).toEqual([address, reached]);
    expect(await machine.run('ip -6 route show default')).toBe('');
    expect(await machine.run('ip -o route get 198.51.100.1')).toContain('src 192.0.2.12');
    await network.call(VENET, 'changeVenet', after, ONE, { open: machine.namespace });
    expect(await network.host.reaches('2001:db8::11')).toBe(true);
  });
});

describe('an interface of the host', () => {
  it('answers at once for the addresses of its network, and no longer when they are gone', async () => {
    const wan = await network.neighbour('eth0');
    const found = await answerFor(ONE);
    expect(found.map(({ uplink }) => uplink.name)).toEqual(['eth0', 'eth0', 'eth0']);
    await network.container(ONE);
    await forward();
    const said = await wan.run('busybox arping -c 1 -w 2 -I eth0 192.0.2.11');
    expect(said).toContain(found[0]?.uplink.mac);
    // The usual is to wait up to 800 ms; what it says is of the kernel's own clock.
    expect(Number(/ ([0-9.]+)ms/.exec(said)?.[1])).toBeLessThan(200);
    for (const { address } of ONE.addresses) expect(await wan.reaches(address)).toBe(true);
    const proxies = found.map(({ uplink, address }) => ({ index: uplink.index, address: address.address }));
    await network.call(UPLINKS, 'removeProxies', proxies);
    await network.call(UPLINKS, 'removeProxies', proxies);
    expect(await network.host.run('ip neigh show proxy; ip -6 neigh show proxy')).toBe('');
    await expect(wan.run('busybox arping -c 1 -w 1 -I eth0 192.0.2.11')).rejects.toThrow();
  });

  it('is found by its network or by its name; addresses of elsewhere and private ones nobody answers for', async () => {
    await network.neighbour('eth0');
    const elsewhere = venetOf(101, '203.0.113.5');
    expect(await answerFor(elsewhere)).toEqual([]);
    expect((await answerFor(elsewhere, ['eth0'])).map(({ uplink }) => uplink.name)).toEqual(['eth0']);
    await expect(answerFor(elsewhere, ['eth7'])).rejects.toMatchObject({
      code: 'NETDEV_FAILED',
      message: "this host has no network interface 'eth7'",
    });
    const hidden = { ...ONE, addresses: ONE.addresses.map((at) => ({ ...at, private: true })) };
    expect(await answerFor(hidden, 'all')).toEqual([]);
  });

  it('has its neighbours learn where an address is from now on', async () => {
    const wan = await network.neighbour('eth0');
    await wan.run(`
      ip neighbour add 192.0.2.11 lladdr 02:00:00:00:00:99 dev eth0 nud stale
      ip -6 neighbour add 2001:db8::11 lladdr 02:00:00:00:00:99 dev eth0 nud stale`);
    const found = await answerFor(ONE);
    await network.call(ANNOUNCE, 'announce', found);
    const mac = found[0]?.uplink.mac ?? '';
    await expect.poll(() => wan.run('ip neighbour show 192.0.2.11')).toContain(mac);
    await expect.poll(() => wan.run('ip -6 neighbour show 2001:db8::11')).toContain(mac);
  });

  it('hears who has an address already, and nobody where it is free', async () => {
    const wan = await network.neighbour('eth0');
    const mac = await wan.run('ip -o link show eth0');
    const used = venetOf(101, '192.0.2.2', '2001:db8::2', '192.0.2.77', '2001:db8::77');
    const found = await network.call<readonly Answering[]>(UPLINKS, 'findUplinks', used.addresses, 'detect');
    const claims = await network.call<readonly { address: string; mac: string }[]>(
      ANNOUNCE,
      'findClaims',
      found,
      500,
    );
    expect(new Set(claims.map(({ address }) => address))).toEqual(new Set(['192.0.2.2', '2001:db8::2']));
    for (const claim of claims) expect(mac).toContain(claim.mac);
  });
});

describe('addresses of the host itself', () => {
  it('are found among routes to those of containers, of both families', async () => {
    await network.neighbour('eth0');
    await network.container(venetOf(101, '192.0.2.10', '2001:db8::10'));
    const own = (family: 4 | 6) => network.call<string[]>('network/own-addresses', 'ownAddresses', family);
    expect((await own(4)).sort()).toEqual(['127.0.0.1', '192.0.2.1']);
    expect((await own(6)).filter((address) => !address.startsWith('fe80:')).sort()).toEqual([
      '2001:db8::1',
      '::1',
    ]);
  });
});
