/** Our table of nftables, with a host, its containers and an outside machine that are network namespaces. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressElements, portElements } from '../../src/plan/network/elements.js';
import type {
  FirewallPlan,
  FirewallRule,
  NetworkPlan,
  Publication,
  RoutedAddress,
} from '../../src/plan/network/network-plan.js';
import { InNetwork } from '../helpers/in-network.js';
import { Machine } from '../helpers/networks.js';

const TABLE = 'cella-test';
const TALK = new URL('../helpers/talk.mjs', import.meta.url).pathname;
const FIREWALL = 'host/network/firewall';
const COUNTED = 'host/network/traffic';
const OWN_RULES = 'host/network/container-firewall';
const NFTABLES = 'host/netlink/nftables';
const OUTSIDE = { 4: '192.0.2.2', 6: '2001:db8::2' } as const;
const HOST = { 4: '192.0.2.1', 6: '2001:db8::1' } as const;

interface Traffic {
  readonly address: string;
  readonly class: number | null;
  readonly sent: { readonly packets: number; readonly bytes: number };
  readonly received: { readonly packets: number; readonly bytes: number };
}

let host: Machine;
let wan: Machine;
let inside: InNetwork;
let directory: string;
const machines: Machine[] = [];
const servers: ChildProcess[] = [];

async function machine(): Promise<Machine> {
  const started = await Machine.start();
  machines.push(started);
  return started;
}

const routed = (address: string, isPrivate: boolean): RoutedAddress => ({
  family: address.includes(':') ? 6 : 4,
  address,
  private: isPrivate,
});

function planOf(ctid: number, more: Partial<NetworkPlan> = {}): NetworkPlan {
  const addresses = [routed(`10.9.0.${ctid}`, true), routed(`fd09::${ctid}`, true)];
  const venet = { hostName: `venet${ctid}`, mac: `ce:11:00:00:00:${ctid}`, addresses };
  return { ctid, venet, interfaces: [], published: [], firewall: null, shaping: null, ...more };
}

const call = <T>(name: string, ...args: readonly unknown[]): Promise<T> =>
  inside.call<T>(FIREWALL, name, ...args);

/** A container as `attachNetwork` makes it. */
async function attach(plan: NetworkPlan): Promise<Machine> {
  const container = await machine();
  await inside.call('host/network/venet', 'attachVenet', plan.venet, { open: container.namespace });
  await inside.call(OWN_RULES, 'applyFirewall', TABLE, plan, directory);
  await publish(...plan.published);
  await inside.call(NFTABLES, 'addElements', TABLE, addressElements(plan.venet));
  return container;
}

const publish = (...published: readonly Publication[]): Promise<void> =>
  call('publish', TABLE, portElements(published));

function publication(ctid: number, first: number, to: number, more: Partial<Publication> = {}): Publication {
  const { family = 4 } = more;
  const address = family === 4 ? `10.9.0.${ctid}` : `fd09::${ctid}`;
  return {
    family,
    protocol: 'tcp',
    address: null,
    ports: { first, last: first },
    to: { address, port: to },
    ...more,
  };
}

async function serve(at: Machine, protocol: 'tcp' | 'udp', port: number): Promise<void> {
  const server = at.spawn(process.execPath, TALK, 'serve', protocol, String(port));
  servers.push(server);
  if (server.stdout) await once(server.stdout, 'data');
}

/** What is answered: where the question seemed to come from. */
const ask = (from: Machine, protocol: 'tcp' | 'udp', address: string, port: number): Promise<string> =>
  from.run(`'${process.execPath}' '${TALK}' ask ${protocol} ${address} ${port} 2>&1 || true`);

async function ping(
  from: Machine,
  address: string,
  count: number,
  ...options: readonly string[]
): Promise<number> {
  const said = await from.run(`busybox ping -c ${count} -i 0.1 -W 1 ${options.join(' ')} ${address} || true`);
  return Number(/(\d+) packets received/.exec(said)?.[1] ?? 0);
}

const traffic = async (plan: NetworkPlan, address: string, number: number | null = null) => {
  const [all] = await inside.call<readonly (readonly Traffic[])[]>(COUNTED, 'readTraffic', TABLE, [
    plan.venet,
  ]);
  return all?.find((each) => each.address === address && each.class === number);
};

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/cella-nftables-`);
  [host, wan] = [await machine(), await machine()];
  await host.run(`
    ip link add eth0 type veth peer name eth0 netns ${wan.namespace}; ip link set eth0 up
    ip addr add ${HOST[4]}/24 dev eth0; ip addr add ${HOST[6]}/64 dev eth0 nodad
    sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`);
  await wan.run(`
    ip link set eth0 up; ip addr add ${OUTSIDE[4]}/24 dev eth0; ip addr add ${OUTSIDE[6]}/64 dev eth0 nodad
    ip route add default via ${HOST[4]}; ip route add default via ${HOST[6]}`);
  inside = new InNetwork(host);
  await call('loadTable', TABLE, 'venet');
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.kill('SIGKILL');
  await inside.stop();
  for (const each of machines.splice(0)) await each.stop();
  rmSync(directory, { recursive: true });
});

describe('published ports', () => {
  it.each([
    ['tcp', 4],
    ['tcp', 6],
    ['udp', 4],
    ['udp', 6],
  ] as const)('lead %s over IPv%d to a container, which sees who asks', async (protocol, family) => {
    const published = publication(11, 2222, 22, { protocol, family });
    const container = await attach(planOf(11, { published: [published] }));
    await serve(container, protocol, 22);
    expect(await ask(wan, protocol, HOST[family], 2222)).toBe(OUTSIDE[family]);
    await call('unpublish', TABLE, portElements([published]));
    expect(await ask(wan, protocol, HOST[family], 2222)).not.toBe(OUTSIDE[family]);
  });

  it('lead a whole range, and only of their own address', { tags: ['slow'] }, async () => {
    const ports = { first: 8000, last: 8002 };
    const published = publication(11, 8000, 80, { address: HOST[4], ports });
    const container = await attach(planOf(11, { published: [published] }));
    await host.run('ip addr add 192.0.2.9/24 dev eth0');
    await serve(container, 'tcp', 82);
    expect(await ask(wan, 'tcp', HOST[4], 8002)).toBe(OUTSIDE[4]);
    expect(await ask(wan, 'tcp', HOST[4], 8003)).toBe('ECONNREFUSED');
    expect(await ask(wan, 'tcp', '192.0.2.9', 8002)).toBe('ECONNREFUSED');
  });

  it('are reached from the host, from neighbours and from the container itself, not on the loopback', async () => {
    const published = [publication(11, 2222, 22), publication(11, 2222, 22, { family: 6 })];
    const container = await attach(planOf(11, { published }));
    const neighbour = await attach(planOf(12));
    await serve(container, 'tcp', 22);
    expect(await ask(host, 'tcp', HOST[4], 2222)).toBe(HOST[4]);
    expect(await ask(neighbour, 'tcp', HOST[4], 2222)).toBe('10.9.0.12');
    expect(await ask(neighbour, 'tcp', HOST[6], 2222)).toBe('fd09::12');
    expect(await ask(container, 'tcp', HOST[4], 2222)).toBe('169.254.0.1');
    expect(await ask(container, 'tcp', HOST[6], 2222)).toBe('fdce:11a::1');
    expect(await ask(host, 'tcp', '127.0.0.1', 2222)).toBe('ECONNREFUSED');
    expect(await ask(host, 'tcp', '::1', 2222)).toBe('ECONNREFUSED');
  });

  it('are refused where another container has them, which keeps them', { tags: ['slow'] }, async () => {
    const held = planOf(11, { published: [publication(11, 2222, 22)] });
    const container = await attach(held);
    await serve(container, 'tcp', 22);
    const wanted = planOf(12, { published: [publication(12, 2221, 22), publication(12, 2222, 22)] });
    const refusal = {
      code: 'PORT_IN_USE',
      message: 'port 2222/tcp of this host leads to 10.9.0.11 already',
    };
    await expect(publish(...wanted.published)).rejects.toMatchObject(refusal);
    await expect(publish(publication(12, 2222, 22, { address: HOST[4] }))).rejects.toMatchObject(refusal);
    // One that is started again has them already.
    await publish(...held.published);
    await call('removePlan', TABLE, wanted);
    expect(await ask(wan, 'tcp', HOST[4], 2222)).toBe(OUTSIDE[4]);
    await publish(publication(12, 2222, 22, { protocol: 'udp' }), publication(12, 2221, 22));
  });

  it("that several want at one time are the first one's, and the others get theirs", async () => {
    const wanted = [publication(11, 2222, 22), publication(12, 2222, 22), publication(13, 2223, 22)];
    const each = wanted.map((port) => [TABLE, portElements([port]), addressElements(planOf(14).venet)]);
    expect(await inside.callEach(FIREWALL, 'publish', each)).toEqual([null, 'PORT_IN_USE', null]);
    const held = await inside.call<readonly unknown[]>(
      'host/netlink/nftables',
      'listElements',
      TABLE,
      'any4',
    );
    expect(held).toHaveLength(2);
  });

  it('of any address are refused where another has one of a single address', { tags: ['slow'] }, async () => {
    await publish(publication(11, 2222, 22, { address: HOST[4] }));
    const refusal = { code: 'PORT_IN_USE', message: /2222\/tcp .* 10\.9\.0\.11 already/ };
    await expect(publish(publication(12, 2222, 22))).rejects.toMatchObject({ code: refusal.code });
    await expect(publish(publication(12, 2222, 22))).rejects.toThrow(refusal.message);
    expect(await inside.call('host/netlink/nftables', 'listElements', TABLE, 'any4')).toEqual([]);
  });

  it('are refused where the host itself listens, with or without an address', {
    tags: ['slow'],
  }, async () => {
    await serve(host, 'tcp', 2222);
    await serve(host, 'udp', 53);
    const refusal = { code: 'PORT_IN_USE', message: 'this host itself listens at port 2222/tcp' };
    await expect(publish(publication(11, 2222, 22))).rejects.toMatchObject(refusal);
    await expect(publish(publication(11, 2222, 22, { address: HOST[4] }))).rejects.toMatchObject(refusal);
    await expect(publish(publication(11, 2222, 22, { family: 6 }))).rejects.toMatchObject(refusal);
    await expect(publish(publication(11, 53, 53, { protocol: 'udp' }))).rejects.toMatchObject({
      message: 'this host itself listens at port 53/udp',
    });
    await publish(publication(11, 53, 53));
  });
});

describe('addresses', () => {
  it('that are private are translated on their way out, others are not', async () => {
    const plan = planOf(11);
    const addresses = [routed('203.0.113.5', false), ...(plan.venet?.addresses ?? [])];
    const open = { ...plan, venet: plan.venet && { ...plan.venet, addresses } };
    const [container, hidden] = [await attach(open), await attach(planOf(12))];
    await serve(wan, 'tcp', 80);
    expect(await ask(container, 'tcp', OUTSIDE[4], 80)).toBe('203.0.113.5');
    expect(await ask(hidden, 'tcp', OUTSIDE[4], 80)).toBe(HOST[4]);
    expect(await ask(hidden, 'tcp', OUTSIDE[6], 80)).toBe(HOST[6]);
    await serve(container, 'tcp', 80);
    expect(await ask(hidden, 'tcp', '10.9.0.11', 80)).toBe('10.9.0.12');
  });

  it('of others are dropped and counted, wherever they come from', async () => {
    const [plan, victim] = [planOf(11), planOf(12)];
    const thief = await attach(plan);
    await attach(victim);
    await thief.run('ip addr add 10.9.0.12/32 dev venet0; ip addr add fd09::12/128 dev venet0 nodad');
    expect(await ping(thief, OUTSIDE[4], 3, '-I', '10.9.0.12')).toBe(0);
    expect(await ping(thief, OUTSIDE[6], 2, '-I', 'fd09::12')).toBe(0);
    expect(await call('readSpoofed', TABLE)).toMatchObject({ packets: 5 });
    expect(await traffic(plan, '10.9.0.11')).toMatchObject({
      sent: { packets: 0 },
      received: { packets: 0 },
    });
    await wan.run('ip addr add 10.9.0.12/32 dev eth0');
    await host.run('sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0');
    await ping(wan, '10.9.0.11', 2, '-I', '10.9.0.12');
    expect(await traffic(plan, '10.9.0.11')).toMatchObject({ received: { packets: 0 } });
    expect(await ping(thief, OUTSIDE[4], 1)).toBe(1);
  });

  it('of a container that is not the one which is taken away stay', { tags: ['slow'] }, async () => {
    const plan = planOf(11, { firewall: { policyIn: 'accept', policyOut: 'accept', rules: [] } });
    const container = await attach(plan);
    await call(
      'removePlan',
      TABLE,
      planOf(12, { venet: plan.venet && { ...plan.venet, hostName: 'venet12' } }),
    );
    expect(await ping(container, OUTSIDE[4], 1)).toBe(1);
    expect(await inside.call(NFTABLES, 'listElements', TABLE, 'in4')).toHaveLength(1);
    await call('removePlan', TABLE, plan);
    expect(await ping(container, OUTSIDE[4], 1)).toBe(0);
    for (const set of ['sent4', 'received6', 'local4', 'private6', 'hairpin4', 'in4', 'out6'])
      expect(await inside.call(NFTABLES, 'listElements', TABLE, set)).toEqual([]);
    expect(await inside.call(NFTABLES, 'hasChain', TABLE, 'in-11')).toBe(false);
    await call('removePlan', TABLE, plan);
  });
});

describe('counters', () => {
  it('are exact to the packet, of both directions and families', { tags: ['slow'] }, async () => {
    const plan = planOf(11);
    const container = await attach(plan);
    expect(await ping(container, OUTSIDE[4], 7)).toBe(7);
    expect(await ping(container, OUTSIDE[6], 4, '-s', '100')).toBe(4);
    const seven = { packets: 7, bytes: 7 * 84 };
    const four = { packets: 4, bytes: 4 * 148 };
    expect(await traffic(plan, '10.9.0.11')).toMatchObject({ class: null, sent: seven, received: seven });
    expect(await traffic(plan, 'fd09::11')).toMatchObject({ class: null, sent: four, received: four });
  });

  it('are also kept by class of the other end, the narrowest network deciding, and loaded anew at any time', async () => {
    const plan = planOf(11);
    const container = await attach(plan);
    const classes = (text: string) =>
      inside.call<unknown>('config/traffic-classes', 'parseTrafficClasses', text, 'f');
    await call(
      'loadTrafficClasses',
      TABLE,
      await classes('1 0.0.0.0/0\n2 192.0.2.0/24\n3 192.0.2.1\n4 2001:db8::/32\n'),
    );
    await ping(container, OUTSIDE[4], 3);
    await ping(container, OUTSIDE[6], 2);
    await ping(container, HOST[4], 1);
    const count = (packets: number) => ({ sent: { packets }, received: { packets } });
    expect(await traffic(plan, '10.9.0.11', 2)).toMatchObject(count(3));
    expect(await traffic(plan, '10.9.0.11', 3)).toMatchObject(count(1));
    expect(await traffic(plan, 'fd09::11', 4)).toMatchObject(count(2));
    expect(await traffic(plan, '10.9.0.11', 1)).toBeUndefined();
    expect(await traffic(plan, '10.9.0.11')).toMatchObject(count(4));
    await call('loadTrafficClasses', TABLE, await classes('5 192.0.2.0/24'));
    await ping(container, OUTSIDE[4], 2);
    await ping(container, OUTSIDE[6], 1);
    expect(await traffic(plan, '10.9.0.11', 5)).toMatchObject(count(2));
    expect(await traffic(plan, '10.9.0.11', 2)).toMatchObject(count(3));
    expect(await traffic(plan, 'fd09::11', 4)).toMatchObject(count(2));
    expect(await traffic(plan, 'fd09::11')).toMatchObject(count(3));
    const counted = (...of: readonly NetworkPlan[]) =>
      inside.call<readonly (readonly Traffic[])[]>(
        COUNTED,
        'readTraffic',
        TABLE,
        of.map(({ venet }) => venet),
      );
    const many = await counted(plan, ...Array.from({ length: 20 }, (_, at) => planOf(20 + at)));
    expect(many.map(({ length }) => length)).toEqual([6, ...Array(20).fill(2)]);
    expect([many[0]]).toEqual(await counted(plan));
    await call('removePlan', TABLE, plan);
    expect(await inside.call(NFTABLES, 'listElements', TABLE, 'sent4-2')).toEqual([]);
  });
});

describe("a container's packet filter", () => {
  const rule = (more: Partial<FirewallRule>): FirewallRule => ({
    direction: 'in',
    action: 'accept',
    protocol: 'tcp',
    ports: null,
    peer: null,
    ...more,
  });
  const filter = (...rules: readonly FirewallRule[]): FirewallPlan => ({
    policyIn: 'drop',
    policyOut: 'accept',
    rules,
  });
  const port = (number: number) => ({ first: number, last: number });
  const apply = (plan: NetworkPlan): Promise<void> =>
    inside.call(OWN_RULES, 'applyFirewall', TABLE, plan, directory);

  it('lets in what its rules allow, from the host too, and answers to what went out', async () => {
    const firewall = filter(
      rule({ ports: port(22), peer: { family: 4, address: OUTSIDE[4], prefix: 32 } }),
      rule({ ports: { first: 80, last: 90 } }),
      rule({ ports: port(99), action: 'reject' }),
    );
    const published = [22, 85, 99, 100].map((each) => publication(11, each, each));
    const container = await attach(planOf(11, { firewall, published }));
    for (const each of [22, 85, 99, 100]) await serve(container, 'tcp', each);
    await serve(wan, 'tcp', 25);
    expect(await ask(wan, 'tcp', HOST[4], 22)).toBe(OUTSIDE[4]);
    expect(await ask(host, 'tcp', '10.9.0.11', 22)).toBe('no answer');
    expect(await ask(host, 'tcp', '10.9.0.11', 85)).not.toBe('no answer');
    expect(await ask(wan, 'tcp', HOST[4], 99)).toBe('ECONNREFUSED');
    expect(await ask(wan, 'tcp', HOST[4], 100)).toBe('no answer');
    expect(await ask(container, 'tcp', OUTSIDE[4], 25)).toBe(HOST[4]);
    expect(await ping(wan, '10.9.0.11', 1)).toBe(0);
  });

  it('of two containers both have a say, and neither has one of a third', { tags: ['slow'] }, async () => {
    const firewall: FirewallPlan = {
      ...filter(rule({ ports: port(80) })),
      policyOut: 'drop',
      rules: [rule({ ports: port(80) }), rule({ direction: 'out', ports: port(80) })],
    };
    const [one, other] = [
      await attach(planOf(11, { firewall })),
      await attach(planOf(12, { firewall: filter() })),
    ];
    const third = await attach(planOf(13));
    for (const each of [one, other, third]) await serve(each, 'tcp', 80);
    expect(await ask(one, 'tcp', '10.9.0.12', 80)).toBe('no answer');
    expect(await ask(other, 'tcp', '10.9.0.11', 80)).toBe('10.9.0.12');
    expect(await ask(one, 'tcp', 'fd09::13', 80)).toBe('fd09::11');
    expect(await ping(one, '10.9.0.13', 1)).toBe(0);
    expect(await ping(third, OUTSIDE[4], 1)).toBe(1);
  });

  it('goes by named sets, which are replaced as a whole, and is kept where a new one would be wrong', {
    tags: ['slow'],
  }, async () => {
    writeFileSync(`${directory}/friends`, '# all of them\n192.0.2.7\n2001:db8::/32\n');
    const firewall = filter(rule({ ports: port(80), peer: { set: 'friends' } }));
    const plan = planOf(11, { firewall });
    const container = await attach(plan);
    await serve(container, 'tcp', 80);
    expect(await ask(wan, 'tcp', '10.9.0.11', 80)).toBe('no answer');
    expect(await ask(wan, 'tcp', 'fd09::11', 80)).toBe(OUTSIDE[6]);
    writeFileSync(`${directory}/friends`, '192.0.2.0/24\n');
    await inside.call(OWN_RULES, 'loadNamedNetworks', TABLE, ['friends'], directory);
    expect(await ask(wan, 'tcp', '10.9.0.11', 80)).toBe(OUTSIDE[4]);
    expect(await ask(wan, 'tcp', 'fd09::11', 80)).toBe('no answer');
    writeFileSync(`${directory}/friends`, '192.0.2.0/33\n');
    await expect(apply(plan)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    rmSync(`${directory}/friends`);
    await expect(apply(plan)).rejects.toThrow("networks '@friends'");
    expect(await ask(wan, 'tcp', '10.9.0.11', 80)).toBe(OUTSIDE[4]);
    await apply(planOf(11));
    expect(await ping(wan, '10.9.0.11', 1)).toBe(1);
    expect(await inside.call(NFTABLES, 'hasChain', TABLE, 'in-11')).toBe(false);
  });
});

describe('the table', () => {
  it('is known by its version, and leaves foreign ones alone', async () => {
    await host.run(`nft 'add table inet cella-foreign; add chain inet cella-foreign c { type filter hook input priority 0; }
      add rule inet cella-foreign c counter'`);
    const before = await host.run('nft -s list table inet cella-foreign');
    expect(await call('hasTable', TABLE)).toBe(true);
    expect(await call('hasTable', 'cella-other')).toBe(false);
    await call('loadTable', TABLE, 'venet');
    await call('loadTable', 'cella-other', 'vother');
    expect(await host.run('nft -s list table inet cella-foreign')).toBe(before);
    expect((await host.run('nft list tables')).split('\n').sort()).toEqual([
      'table inet cella-foreign',
      'table inet cella-other',
      `table inet ${TABLE}`,
    ]);
  });

  it('takes ten thousand containers at once, and one more or less of them', { tags: ['slow'] }, async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => {
      const [x, y] = [index >> 8, index & 255];
      const addresses = [
        routed(`10.${100 + x}.${y}.1`, true),
        routed(`fd09:1::${(index + 1).toString(16)}`, true),
      ];
      return { hostName: `venet${1000 + index}`, mac: '', addresses };
    });
    const all = many.flatMap(addressElements);
    const ports = portElements([publication(11, 10_000, 10_000, { ports: { first: 10_000, last: 19_999 } })]);
    await inside.call(NFTABLES, 'addElements', TABLE, [...all, ...ports]);
    // Looked up, since a list of a set that is growing yet may tell an element twice.
    const own = planOf(11, { published: [publication(11, 80, 80)] });
    const sent = [...all, ...addressElements(own.venet)].filter(({ set }) => set === 'sent6');
    const present = async (): Promise<number> => {
      const found = await inside.call<readonly unknown[]>(NFTABLES, 'findElements', TABLE, sent);
      return found.filter((each) => each).length;
    };
    expect(await present()).toBe(10_000);
    const container = await attach(own);
    await serve(container, 'tcp', 80);
    expect(await ask(wan, 'tcp', HOST[4], 80)).toBe(OUTSIDE[4]);
    await call('removeAddresses', TABLE, many[5000]);
    expect(await present()).toBe(10_000);
    await inside.call(NFTABLES, 'removeElements', TABLE, [...all, ...ports]);
    expect(await present()).toBe(1);
    expect(await ask(wan, 'tcp', HOST[4], 80)).toBe(OUTSIDE[4]);
  });
});
