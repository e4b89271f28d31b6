/** Routed addresses, private ones and published ports, seen from machines on both sides of the host. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox();
const networks = useNetworks(sandbox, 101, 102);

/** A server inside that says who asks. */
const serve = (ctid: number, port: number, word: string): Promise<string> =>
  networks.inside(
    ctid,
    `mkdir -p /srv/${port}/cgi-bin; cd /srv/${port}/cgi-bin
     printf '#!/bin/sh\\nprintf "Content-Type: text/plain\\\\n\\\\n${word} from $REMOTE_ADDR"\\n' > who
     chmod +x who; httpd -p ${port} -h /srv/${port}`,
  );
/** What a server says, nothing where nobody answers. By bash: busybox's wget of Debian crashes outside. */
const asks = (address: string, port: number): string =>
  `timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/${port}
   printf "GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3' 2>/dev/null || true`;
const asksInside = (address: string, port: number): string =>
  `timeout 3 wget -q -O - http://${address}:${port}/cgi-bin/who`;

describe('an address of its own', () => {
  it('is reached from both sides, reaches them, and answers for itself at once', async () => {
    await networks.start(101, '--ipadd', '192.0.2.10', '--ipadd', '2001:db8::10');
    for (const address of ['192.0.2.10', '2001:db8::10'])
      expect(await networks.wan.reaches(address)).toBe(true);
    expect(await networks.lan.reaches('192.0.2.10')).toBe(true);
    for (const address of ['192.0.2.2', '2001:db8::2', '198.51.100.2', '192.0.2.1'])
      expect(await networks.inside(101, `ping -c 1 -W 2 ${address} >/dev/null && echo answered`)).toBe(
        'answered',
      );
    // The host answers for it, which has nothing to wait for.
    expect(await networks.wan.run('ip neigh show 192.0.2.10')).toMatch(/REACHABLE|STALE|DELAY/);
    await networks.good('stop', '101');
    expect(await networks.wan.reaches('192.0.2.10')).toBe(false);
    expect(await networks.host.run('ip neigh show proxy; ip -6 neigh show proxy')).toBe('');
    expect(await networks.host.run('ip route show 192.0.2.10')).toBe('');
  });

  it('comes and goes while it runs', { tags: ['slow'] }, async () => {
    await networks.start(101);
    expect(await networks.inside(101, 'ip -o link | wc -l')).toBe('1');
    await networks.good('set', '101', '--ipadd', '192.0.2.10', '--save');
    expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
    await networks.good('set', '101', '--ipadd', '192.0.2.11', '--ipdel', '192.0.2.10', '--save');
    expect(await networks.wan.reaches('192.0.2.11')).toBe(true);
    expect(await networks.wan.reaches('192.0.2.10')).toBe(false);
    expect(await networks.inside(101, 'ping -c 1 -W 2 192.0.2.2 >/dev/null && echo answered')).toBe(
      'answered',
    );
    await networks.good('set', '101', '--ipdel', 'all', '--save');
    expect(await networks.host.run('ip -o link show group 844058')).toBe('');
    expect(await networks.host.run('ip -4 route show proto static')).toBe('');
  });

  it('that has gone to another container is not taken from that one', { tags: ['slow'] }, async () => {
    await networks.start(101, '--ipadd', '192.0.2.10', '--ipadd', '192.0.2.11');
    await networks.good('set', '101', '--ipdel', '192.0.2.10', '--save');
    await networks.start(102, '--ipadd', '192.0.2.10');
    await networks.good('stop', '101', '--fast');
    expect(await networks.host.run('ip neigh show proxy')).toMatch(/^192\.0\.2\.10 dev eth0/);
    expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
  });

  it('is refused where another container has it, or somebody else', { tags: ['slow'] }, async () => {
    await networks.start(101, '--ipadd', '192.0.2.10');
    await sandbox.create(102, '--ipadd', '192.0.2.10');
    const { code, stderr } = await networks.vzctl('start', '102');
    expect({ code, stderr }).toEqual({
      code: 78,
      stderr: expect.stringMatching(/address 192\.0\.2\.10 is in use by container 101/),
    });
    expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
    const foreign = await networks.vzctl('set', '101', '--ipadd', '192.0.2.2');
    expect(foreign).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/192\.0\.2\.2 is in use by [0-9a-f:]+ at 'eth0'/),
    });
    expect(await networks.inside(101, 'ip -o -4 addr | grep -c 192.0.2')).toBe('1');
  });

  it('is the only one that it can use', { tags: ['slow'] }, async () => {
    await networks.start(101, '--ipadd', '192.0.2.10');
    await networks.start(102, '--ipadd', '192.0.2.11');
    // Packets of IPv4 that have come in: /sys shows the interfaces of whoever mounted it.
    const received = () => networks.wan.run("awk '/^Ip: [0-9]/ { print $4 }' /proc/net/snmp");
    const before = await received();
    await networks.inside(101, 'ip addr add 192.0.2.11/32 dev venet0; ip addr add 203.0.113.5/32 dev venet0');
    for (const source of ['192.0.2.11', '203.0.113.5'])
      await networks.inside(101, `ping -c 2 -W 1 -I ${source} 192.0.2.2`);
    await networks.inside(101, 'arping -c 3 -w 1 -I venet0 -s 192.0.2.11 192.0.2.2');
    expect(await received()).toBe(before);
    expect(await networks.wan.reaches('192.0.2.11')).toBe(true);
    // Others cannot take a container's address either.
    await networks.lan.run('ip addr add 192.0.2.10/32 dev lo');
    expect(await networks.lan.reaches('192.0.2.11', '-I', '192.0.2.10')).toBe(false);
  });

  it('is counted to the packet, over restarts', { tags: ['slow'] }, async () => {
    await networks.start(101, '--ipadd', '192.0.2.10');
    expect(await networks.wan.run('busybox ping -c 5 -i 0.1 -s 100 192.0.2.10 | grep -c "bytes from"')).toBe(
      '5',
    );
    await networks.good('stop', '101', '--fast');
    await networks.good('start', '101', '--wait');
    expect(await networks.wan.run('busybox ping -c 2 -i 0.1 -s 100 192.0.2.10 | grep -c "bytes from"')).toBe(
      '2',
    );
    await networks.good('stop', '101', '--fast');
    const file = JSON.parse(readFileSync(`${sandbox.rootDir}/var/lib/vz/traffic/101.json`, 'utf8'));
    const [{ past, last }] = file.entries;
    const sum = (way: 'sent' | 'received', what: 'packets' | 'bytes'): number =>
      Number(past[way][what]) + Number(last[way][what]);
    expect([sum('received', 'packets'), sum('received', 'bytes')]).toEqual([7, 7 * 128]);
    expect([sum('sent', 'packets'), sum('sent', 'bytes')]).toEqual([7, 7 * 128]);
  });
});

describe('private addresses', () => {
  it('are given to those who want them, differ, and are translated on their way out', async () => {
    await networks.start(101, '--nat', 'yes');
    await networks.start(102, '--nat', 'yes');
    const address = (ctid: number) => networks.inside(ctid, "ip -o -4 addr show venet0 | awk '{ print $4 }'");
    const [first, second] = [await address(101), await address(102)];
    expect(first).toMatch(/^10\.\d+\.\d+\.2\/32$/);
    expect(second).toMatch(/^10\.\d+\.\d+\.3\/32$/);
    // Nobody outside has a way to them: the host's address is what they see.
    expect(await networks.inside(101, 'ping -c 1 -W 2 192.0.2.2 >/dev/null && echo answered')).toBe(
      'answered',
    );
    expect(await networks.inside(101, 'ping -c 1 -W 2 2001:db8::2 >/dev/null && echo answered')).toBe(
      'answered',
    );
    const plain = second.replace('/32', '');
    expect(await networks.inside(101, `ping -c 1 -W 2 ${plain} >/dev/null && echo answered`)).toBe(
      'answered',
    );
    await networks.good('stop', '101');
    await networks.good('start', '101', '--wait');
    expect(await address(101)).toBe(first);
  });
});

describe('a published port', () => {
  it('leads to the container, from everywhere, with the address of who asks', async () => {
    await networks.start(101, '--publish', '2525:25', '--publish', '198.51.100.1:8080:80');
    await serve(101, 25, 'mail');
    await serve(101, 80, 'web');
    expect(await networks.wan.run(asks('192.0.2.1', 2525))).toMatch(/mail from .*192\.0\.2\.2/);
    expect(await networks.lan.run(asks('198.51.100.1', 2525))).toMatch(/mail from .*198\.51\.100\.2/);
    expect(await networks.lan.run(asks('198.51.100.1', 8080))).toMatch(/web from .*198\.51\.100\.2/);
    expect(await networks.wan.run(asks('192.0.2.1', 8080))).toBe('');
    expect(await networks.host.run(asks('192.0.2.1', 2525))).toContain('mail from');
    // A loop back to itself.
    expect(await networks.inside(101, asksInside('192.0.2.1', 2525))).toContain('mail from');
    await networks.start(102, '--nat', 'yes');
    expect(await networks.inside(102, asksInside('192.0.2.1', 2525))).toMatch(/mail from .*10\./);
    await networks.good('stop', '101', '--fast');
    expect(await networks.wan.run(asks('192.0.2.1', 2525))).toBe('');
  });

  it('comes and goes while it runs, and is refused where another one has it', {
    tags: ['slow'],
  }, async () => {
    await networks.start(101, '--nat', 'yes');
    await serve(101, 25, 'first');
    await networks.good('set', '101', '--publish', '2525:25', '--save');
    expect(await networks.wan.run(asks('192.0.2.1', 2525))).toMatch(/first from .*192\.0\.2\.2/);
    await networks.start(102, '--nat', 'yes');
    const { code, stderr } = await networks.vzctl('set', '102', '--publish', '2525:25', '--save');
    expect({ code, stderr }).toEqual({ code: 219, stderr: expect.stringMatching(/port 2525\/tcp .* 10\./) });
    await networks.good('set', '101', '--unpublish', '2525', '--save');
    expect(await networks.wan.run(asks('192.0.2.1', 2525))).toBe('');
  });
});

describe('rules of its packet filter', () => {
  it('say who may reach it, and change while it runs', { tags: ['slow'] }, async () => {
    await networks.start(
      101,
      '--ipadd',
      '192.0.2.10',
      '--fw_in',
      'drop',
      '--fw_add',
      'in:accept:icmp:any:198.51.100.0/24',
    );
    expect(await networks.lan.reaches('192.0.2.10')).toBe(true);
    expect(await networks.wan.reaches('192.0.2.10')).toBe(false);
    expect(await networks.inside(101, 'ping -c 1 -W 2 192.0.2.2 >/dev/null && echo answered')).toBe(
      'answered',
    );
    await networks.good('set', '101', '--fw_in', 'accept', '--fw_del', 'all', '--save');
    expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
  });
});

describe('cella network', () => {
  it('puts back what somebody has taken away, of all containers that run', { tags: ['slow'] }, async () => {
    await networks.start(101, '--ipadd', '192.0.2.10', '--publish', '2525:25', '--rate', '100mbit/100mbit');
    await networks.start(102, '--nat', 'yes');
    await serve(101, 25, 'mail');
    await networks.host.run(
      'nft flush ruleset; ip route flush proto static; ip neigh del proxy 192.0.2.10 dev eth0',
    );
    expect(await networks.wan.run(asks('192.0.2.1', 2525))).toBe('');
    expect(await networks.command('cella', ['network', 'repair'])).toMatchObject({
      code: 0,
      stdout: 'The network of 2 containers is in order\n',
      stderr: '',
    });
    expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
    expect(await networks.wan.run(asks('192.0.2.1', 2525))).toMatch(/mail from .*192\.0\.2\.2/);
    expect(await networks.inside(102, 'ping -c 1 -W 2 192.0.2.2 >/dev/null && echo answered')).toBe(
      'answered',
    );
  });

  it('tells what was sent and received, also of those that do not run', { tags: ['slow'] }, async () => {
    await networks.start(101, '--ipadd', '192.0.2.10');
    await networks.wan.run('busybox ping -c 5 -i 0.1 -s 100 192.0.2.10');
    const running = await networks.command('cella', ['network', 'traffic']);
    expect(running.stdout).toMatch(/^ +101 192\.0\.2\.10 +640 +5 +640 +5$/m);
    await networks.good('stop', '101', '--fast');
    const { stdout } = await networks.command('cella', ['network', 'traffic', '--json']);
    expect(JSON.parse(stdout)).toMatchObject([
      { ctid: 101, addresses: [{ address: '192.0.2.10', class: null, sent: { packets: 5, bytes: 640 } }] },
    ]);
  });
});

describe('a command in a container of its own', () => {
  it('is on the network while it runs, and nothing is left of that', { tags: ['slow'] }, async () => {
    const script = 'ping -c 1 -W 2 192.0.2.2 >/dev/null && echo answered; cat /etc/resolv.conf';
    const args = ['run', '--rm', '--nat', 'yes', '--publish', '8080:80', 'busybox', 'sh', '-c', script];
    expect(await networks.command('cella', args)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^answered\n/) as string,
    });
    const table = await networks.host.run('nft list ruleset');
    expect(table).toContain('map any4');
    expect(table).not.toContain('8080');
    expect(await networks.host.run('ip -o link show group 844058')).toBe('');
  });
});

describe('a network that is killed in the middle of being made', () => {
  it.each(['network.reserved', 'network.linked', 'network.listed', 'start.recorded'])(
    'at %s: the next command takes it away',
    { tags: ['slow'] },
    async (point) => {
      await sandbox.create(101, '--ipadd', '192.0.2.10', '--publish', '2525:25', '--nat', 'yes');
      const killed = await networks.command('vzctl', ['start', '101'], { CELLA_FAULT: point });
      expect(killed.signal ?? killed.code).toBe('SIGKILL');
      expect((await networks.vzctl('start', '101', '--wait')).code).toBe(0);
      expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
      await networks.good('stop', '101', '--fast');
      expect(await networks.host.run('ip -4 route show proto static; ip neigh show proxy')).toBe('');
    },
  );
});
