/** What root of a container has set up of its network by itself is there again after a suspend, and after a move. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { vzmigrate } from '../helpers/migrate.js';
import { useNetworks } from '../helpers/networks.js';
import type { Sandbox } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

/** As root of the container, with tools of this host. */
function asItsRoot(at: Sandbox, script: string): string {
  const { init } = JSON.parse(readFileSync(`${at.rootDir}/run/vz/101.json`, 'utf8')) as {
    init: { pid: number };
  };
  const space = (name: string) => `--${name}=/proc/${init.pid}/ns/${name}`;
  const command = `PATH=$PATH:/usr/sbin:/sbin; ${script}`;
  const argv = [space('user'), space('net'), '--setuid=0', '--setgid=0', 'sh', '-euc', command];
  return execFileSync('nsenter', argv, { encoding: 'utf8' }).trim();
}

const filters = (name: string): string => `
  nft add table inet ${name}
  nft add chain inet ${name} in '{ type filter hook input priority 5; policy accept; }'
  nft add set inet ${name} bad '{ type ipv4_addr; elements = { 203.0.113.7, 203.0.113.9 }; }'
  nft add rule inet ${name} in ip saddr @bad drop
  nft add rule inet ${name} in tcp dport '{ 99, 1000-1010 }' ct state new reject comment '"no such service"'`;

const LOOK = `
  ip -o addr show | sed 's/^[0-9]*: //' | sort
  ip route show table all | grep -v "table local" | sort; ip -6 route show table all | grep "table 33" | sort
  nft list ruleset`;

describe('after a suspend', () => {
  const sandbox = useSandbox({ needs: ['criu'] });
  const networks = useNetworks(sandbox, 101);

  it.each([
    ['a routed link', 'venet0', ['--ipadd', '192.0.2.10', '--ipadd', '2001:db8::10']],
    ['an interface on a bridge', 'eth0', ['--netif_add', 'ifname=eth0,bridge=br0,ip=192.0.2.20/24']],
  ])('all is there again, with %s', async (_, link, options) => {
    await networks.host.run('ip link add br0 type bridge; ip link set br0 up');
    await networks.start(101, '--layout', 'overlay:directory', ...options);
    asItsRoot(
      sandbox,
      `ip addr add 10.9.9.1/24 dev ${link}; ip addr add 10.9.8.1/32 dev lo; ip addr add fd00::9/64 dev ${link} nodad
      ip route add 10.1.0.0/16 via 10.9.9.7 dev ${link} metric 7; ip route add blackhole 10.2.0.0/16
      ip route add 10.3.0.0/16 dev ${link} table 33 src 10.9.9.1 mtu 1300
      ip route add 10.4.0.0/16 via 10.8.8.8 dev ${link} onlink
      ip -6 route add fd01::/64 via fd00::7 dev ${link} table 33; ${filters('guest')}`,
    );
    const before = asItsRoot(sandbox, LOOK);
    for (let round = 0; round < 2; round += 1) {
      await networks.good('suspend', '101');
      await networks.good('resume', '101');
      await expect.poll(() => asItsRoot(sandbox, LOOK), { timeout: 20_000 }).toBe(before);
    }
  });

  it('what the config gave is what the config gives now', { tags: ['slow'] }, async () => {
    await networks.start(101, '--layout', 'overlay:directory', '--ipadd', '192.0.2.10');
    await networks.good('suspend', '101');
    await networks.vzctl('set', '101', '--ipdel', 'all', '--ipadd', '192.0.2.11', '--save');
    await networks.good('resume', '101');
    expect(asItsRoot(sandbox, 'ip -o -4 addr show venet0 | grep -o "inet [0-9.]*"')).toBe('inet 192.0.2.11');
  });
});

describe('after a move', () => {
  const here = useSandbox({ needs: ['criu'], clear: [101] });
  const there = useSandbox({ needs: ['criu'], clear: [101] });

  it.each(['--online', 'suspended'])('all is there again: %s', { tags: ['slow'] }, async (how) => {
    await here.create(101, '--layout', 'overlay:directory');
    await here.good('start', '101', '--wait');
    asItsRoot(
      here,
      `ip addr add 10.9.9.1/24 dev lo; ip route add 10.1.0.0/16 via 10.9.9.7; ${filters('guest')}; ${filters('other')}`,
    );
    const before = asItsRoot(here, LOOK);
    if (how === 'suspended') await here.good('suspend', '101');
    const options = how === 'suspended' ? [] : [how];
    expect(await vzmigrate({ from: here, to: there }, ...options)).toMatchObject({ code: 0, stderr: '' });
    if (how === 'suspended') await there.good('resume', '101');
    expect(asItsRoot(there, LOOK)).toBe(before);
  });
});
