/** Interfaces of containers' own, and how fast they may be, seen from machines on both sides of the host. */
import { describe, expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox();
const networks = useNetworks(sandbox, 101);

describe('an interface of its own', () => {
  it('is on a bridge, from before init runs, and comes and goes while it runs', async () => {
    await networks.host.run('ip link add br0 type bridge; ip link set br0 up; ip link set eth1 master br0');
    await networks.start(101, '--netif_add', 'ifname=eth0,bridge=br0,ip=198.51.100.20/24');
    expect(await networks.lan.reaches('198.51.100.20')).toBe(true);
    expect(await networks.inside(101, 'cat /sys/class/net/eth0/address')).toMatch(/^ce:11:/);
    await networks.good('set', '101', '--netif_del', 'eth0', '--save');
    expect(await networks.lan.reaches('198.51.100.20')).toBe(false);
    await networks.good('set', '101', '--netif_add', 'eth1,ce:11:00:00:00:07,mine,,br0', '--save');
    expect(await networks.inside(101, 'cat /sys/class/net/eth1/address')).toBe('ce:11:00:00:00:07');
    expect(await networks.host.run('ip -o link show master br0 | grep -c mine')).toBe('1');
    await networks.good('set', '101', '--ifname', 'eth1', '--ipadd', '198.51.100.21/24', '--save');
    expect(await networks.lan.reaches('198.51.100.21')).toBe(true);
    await networks.good(
      'set',
      '101',
      '--ifname',
      'eth1',
      '--isolated',
      'yes',
      '--host_mac',
      'ce:11:00:00:00:08',
      '--save',
    );
    const port = await networks.host.run('ip -d link show mine');
    expect(port).toContain('isolated on');
    expect(port).toContain('link/ether ce:11:00:00:00:08');
    await networks.good('stop', '101', '--fast');
    const missing = await networks.vzctl('set', '101', '--netif_add', 'eth2,,,,nowhere', '--save');
    expect(missing.code).toBe(0);
    expect(await networks.vzctl('start', '101')).toMatchObject({
      code: 130,
      stderr: expect.stringMatching(/no bridge or interface 'nowhere'/),
    });
  });

  it('has its own hardware address and addresses alone', { tags: ['slow'] }, async () => {
    await networks.host.run('ip link add br0 type bridge; ip link set br0 up; ip link set eth1 master br0');
    await networks.start(101, '--netif_add', 'ifname=eth0,bridge=br0,ip=198.51.100.20/24');
    const answered = (options: string) =>
      networks.inside(101, `ping -c 1 -W 1 ${options} 198.51.100.2 >/dev/null && echo answered`);
    expect(await answered('')).toBe('answered');
    await networks.inside(101, 'ip addr add 198.51.100.21/24 dev eth0');
    expect(await answered('-I 198.51.100.21')).toBe('');
    expect(await answered('-I 198.51.100.20')).toBe('answered');
    await networks.inside(101, 'ip link set eth0 address ce:11:00:00:00:99');
    expect(await answered('-I 198.51.100.20')).toBe('');
    const seen = await networks.lan.run('ip neigh show 198.51.100.21');
    expect(seen).not.toContain('ce:11');
  });

  it('gets its address by DHCP from a server of this host', { tags: ['slow'] }, async () => {
    await networks.host.run(
      `ip link add br0 type bridge; ip link set br0 up; ip addr add 203.0.113.1/24 dev br0
       printf 'start 203.0.113.50\nend 203.0.113.59\ninterface br0\nlease_file ${sandbox.rootDir}/leases\n' > ${sandbox.rootDir}/udhcpd.conf
       touch ${sandbox.rootDir}/leases`,
    );
    const server = networks.host.spawn('busybox', 'udhcpd', '-f', `${sandbox.rootDir}/udhcpd.conf`);
    await networks.start(101, '--netif_add', 'ifname=eth0,bridge=br0,configure=none');
    await networks.inside(101, 'ip link set eth0 up');
    expect(await networks.inside(101, 'udhcpc -i eth0 -n -q -t 5 -s /bin/true 2>&1')).toMatch(
      /lease of 203\.0\.113\.5\d obtained/,
    );
    server.kill('SIGKILL');
  });

  it('is a macvlan beside an interface of the host', { tags: ['slow'] }, async () => {
    await networks.start(101, '--netif_add', 'ifname=eth0,type=macvlan,bridge=eth1,ip=198.51.100.20/24');
    expect(await networks.lan.reaches('198.51.100.20')).toBe(true);
  });
});

describe('a rate', () => {
  it('slows down what comes and what goes, and is lifted while it runs', { tags: ['slow'] }, async () => {
    await networks.start(101, '--ipadd', '192.0.2.10', '--rate', '8mbit/8mbit');
    await networks.inside(101, 'dd if=/dev/zero of=/srv/two bs=1M count=2; httpd -p 80 -h /srv');
    const fetch = async (): Promise<number> => {
      const begun = Date.now();
      const script = `exec 3<>/dev/tcp/192.0.2.10/80; printf "GET /two HTTP/1.0\\r\\n\\r\\n" >&3; wc -c <&3`;
      expect(Number(await networks.wan.run(`bash -c '${script}'`))).toBeGreaterThan(2 << 20);
      return Date.now() - begun;
    };
    // Two MiB at a MB a second.
    expect(await fetch()).toBeGreaterThan(1700);
    await networks.good('set', '101', '--rate', '0/0', '--save');
    expect(await networks.host.run('ip -o link show type ifb')).toBe('');
  });
});
