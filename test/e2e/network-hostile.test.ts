/** What a container's root does to its own links, of which neighbours and the host are to notice nothing. */
import { expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox();
const networks = useNetworks(sandbox, 101, 102);
const [OWN, OTHER] = ['192.0.2.10', '192.0.2.11'];

/** What goes wrong there does not matter. */
const inside = (command: string): Promise<string> => networks.inside(101, command);
const repair = () => networks.command('cella', ['network', 'repair']);
const leftovers = (): Promise<string> =>
  networks.host.run('ip -o link show group 844058; ip -4 route show proto static; ip neigh show proxy');

it.each([
  ['taken down', 'ip link set venet0 down'],
  ['renamed', 'ip link set venet0 down; ip link set venet0 name mine; ip link set mine up'],
  ['deleted', 'ip link del venet0'],
  [
    'moved to a nested network',
    'unshare -n sleep 1000 & sleep 1; ip link set venet0 netns $! && ip link show venet0',
  ],
])(
  'its link %s harms nobody else, is repaired or leaves nothing behind',
  { tags: ['slow'] },
  async (_, what) => {
    await networks.start(101, '--ipadd', OWN, '--publish', '2525:25', '--rate', '10mbit/10mbit');
    await networks.start(102, '--ipadd', OTHER);
    await inside(`${what} >/dev/null 2>&1`);
    expect(await networks.wan.reaches(OWN)).toBe(false);
    expect(await networks.wan.reaches(OTHER)).toBe(true);
    expect(await repair()).toMatchObject({ code: 0, stderr: '' });
    expect(await networks.wan.reaches(OTHER)).toBe(true);
    await networks.good('stop', '101', '--fast');
    await networks.good('stop', '102', '--fast');
    expect(await leftovers()).toBe('');
    await networks.good('start', '101', '--wait');
    expect(await networks.wan.reaches(OWN)).toBe(true);
  },
);

it('a deleted link comes back by repair and by a change of its addresses', { tags: ['slow'] }, async () => {
  await networks.start(101, '--ipadd', OWN);
  await inside('ip link del venet0');
  expect(await repair()).toMatchObject({ code: 0, stderr: '' });
  expect(await networks.wan.reaches(OWN)).toBe(true);
  await inside('ip link del venet0');
  await networks.good('set', '101', '--ipadd', OTHER, '--save');
  for (const address of [OWN, OTHER]) expect(await networks.wan.reaches(address)).toBe(true);
  await inside('ip link set venet0 down; ip link set venet0 name mine');
  expect(await networks.vzctl('set', '101', '--ipdel', OTHER, '--save')).toMatchObject({
    code: 104,
    stderr: expect.stringMatching(/^'venet0' is gone/) as string,
  });
});

it('the address of a link in a nested network is free once its container has stopped', {
  tags: ['slow'],
}, async () => {
  await networks.start(101, '--ipadd', OWN);
  await inside('unshare -n sleep 1000 >/dev/null 2>&1 & sleep 1; ip link set venet0 netns $!');
  await networks.good('stop', '101', '--fast');
  await networks.start(102, '--ipadd', OWN);
  expect(await networks.wan.reaches(OWN)).toBe(true);
});

it('floods with sources that are not its own, and with ARP, reach nobody', { tags: ['slow'] }, async () => {
  await networks.start(101, '--ipadd', OWN);
  await networks.start(102, '--ipadd', OTHER);
  await inside(
    `ip addr add ${OTHER}/32 dev venet0; ip addr add 203.0.113.9/32 dev venet0; ip link set venet0 arp on`,
  );
  const received = () => networks.wan.run("awk '/^Ip: [0-9]/ { print $4 }' /proc/net/snmp");
  const before = await received();
  const floods = [OTHER, '203.0.113.9'].map((from) => `ping -c 300 -i 0.002 -W 1 -I ${from} 192.0.2.2`);
  const asked = Array.from({ length: 20 }, (_, at) => `arping -c 5 -w 1 -I venet0 192.0.2.${at + 100}`);
  const all = [...floods, ...asked].map((each) => `${each} >/dev/null 2>&1 &`);
  await inside(`${all.join(' ')} wait`);
  expect(await received()).toBe(before);
  expect(await networks.wan.reaches(OTHER)).toBe(true);
  expect(await networks.host.run('ip neigh show nud all')).not.toMatch(/^192\.0\.2\.1[12]\d /m);
});

it('on a bridge neither another hardware address nor another address passes', {
  tags: ['slow'],
}, async () => {
  await networks.host.run('ip link add br0 type bridge; ip link set br0 up; ip link set eth1 master br0');
  await sandbox.create(101, '--netif_add', 'ifname=eth0,bridge=br0,ip=198.51.100.20/24');
  await networks.good('set', '101', '--ifname', 'eth0', '--ipadd', '2001:db8:1::20/64', '--save');
  await networks.good('start', '101', '--wait');
  await networks.lan.run('ip addr add 2001:db8:1::2/64 dev eth0 nodad');
  const answered = (source: string): Promise<string> => {
    const address = source.includes(':') ? '2001:db8:1::2' : '198.51.100.2';
    return inside(`ping -c 1 -W 2 -I ${source} ${address} >/dev/null && echo answered`);
  };
  const sources = ['198.51.100.20', '2001:db8:1::20'];
  for (const source of sources) expect(await answered(source)).toBe('answered');
  await inside(`
    ip addr add 198.51.100.21/24 dev eth0; ip addr add 2001:db8:1::21/64 dev eth0
    arping -c 3 -w 1 -A -I eth0 -s 198.51.100.2 198.51.100.2`);
  for (const source of ['198.51.100.21', '2001:db8:1::21']) expect(await answered(source)).toBe('');
  for (const source of sources) expect(await answered(source)).toBe('answered');
  await inside('ip link set eth0 address ce:11:00:00:00:99');
  for (const source of sources) expect(await answered(source)).toBe('');
  await inside('ip link set eth0 down; ip link del eth0');
  await networks.good('stop', '101', '--fast');
  await networks.good('start', '101', '--wait');
  expect(await answered('198.51.100.20')).toBe('answered');
});
