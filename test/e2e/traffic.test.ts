/** What containers have sent and received: vznetstat, metrics of the node service, and notes that cannot be written. */
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { ServiceClient } from '../../dist/service/index.js';
import { useNetworks } from '../helpers/networks.js';
import { CLI } from '../helpers/sandbox.js';
import { eventually, untilKeeperIsGone } from '../helpers/service.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox();
const networks = useNetworks(sandbox, 101, 102);

const classes = (): string => `${sandbox.rootDir}/etc/vz/networks_classes`;
afterEach(() => rmSync(classes(), { force: true }));

const start = async (ctid: number, ...args: readonly string[]): Promise<void> => {
  await sandbox.create(ctid, ...args);
  await networks.good('start', String(ctid), '--wait');
};
const ping = (address: string, times: number): Promise<string> =>
  networks.wan.run(`busybox ping -c ${times} -i 0.1 -s 100 ${address}`);
const netstat = async (...args: readonly string[]): Promise<readonly string[]> => {
  const { code, stdout, stderr } = await networks.command('vznetstat', args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [, ...lines] = stdout.trimEnd().split('\n');
  return lines.map((line) => line.trim().replace(/ +/g, ' '));
};

describe('vznetstat', () => {
  it('tells by container and class what was sent and received, in the columns of OpenVZ', {
    tags: ['slow'],
  }, async () => {
    writeFileSync(classes(), '2 192.0.2.0/24\n');
    await start(101, '--ipadd', '192.0.2.10', '--ipadd', '2001:db8::10');
    await start(102, '--ipadd', '192.0.2.11');
    await ping('192.0.2.10', 5);
    await ping('192.0.2.11', 1);
    await networks.good('stop', '102', '--fast');
    const { stdout } = await networks.command('vznetstat', ['-c', '2']);
    expect(stdout).toBe(
      [
        'CTID    Net.Class         Input(bytes) Input(pkts)        Output(bytes) Output(pkts)',
        '101     2                          640           5                  640            5',
        '102     2                          128           1                  128            1',
        '',
      ].join('\n'),
    );
    expect(await netstat('-v', '101', '-4')).toEqual(['101 1 0 0 0 0', '101 2 640 5 640 5']);
    expect(await netstat('-v', '102', '-6')).toEqual(['102 1 0 0 0 0']);
    expect(await netstat('-v', '102', '-a')).toHaveLength(16);
    await networks.wan.run('busybox ping -c 2 -i 0.1 -s 1400 192.0.2.10');
    expect(await netstat('-v', '101', '-c', '2', '-r')).toEqual(['101 2 3K 7 3K 7']);
    const { stdout: json } = await networks.command('vznetstat', ['-v', '102', '-c', '2', '--json']);
    expect(JSON.parse(json)).toEqual([
      { ctid: 102, class: 2, input_bytes: 128, input_packets: 1, output_bytes: 128, output_packets: 1 },
    ]);
  });

  it('is what is sent and received now, in the statistics of containers', { tags: ['slow'] }, async () => {
    await start(101, '--ipadd', '192.0.2.10');
    const pinging = networks.wan.spawn('busybox', 'ping', '-i', '0.1', '-s', '1000', '192.0.2.10');
    try {
      await once(pinging.stdout as NodeJS.EventEmitter, 'data');
      const args = ['stats', '--no-stream', '--json', '-d', '3', '101'];
      const { stdout } = await networks.command('cella', args);
      const [row] = (JSON.parse(stdout) as { containers: readonly Record<string, number>[] }).containers;
      // Ten times 1042 bytes a second, were all processes on time.
      expect(row?.sent).toBeGreaterThan(2000);
      expect(row?.sent).toBeLessThan(15_000);
      expect(row?.received).toBeGreaterThan(2000);
    } finally {
      pinging.kill();
    }
  });

  it.each([
    [['-c', '16'], 21, "a class from 0 to 15 expected: '16'"],
    [['-v', '999'], 14, 'container 999 does not exist'],
    [['-4', '-6'], 20, "option '-6' cannot be used with option '-4'"],
  ] as const)('refuses %j', { tags: ['slow'] }, async (args, code, message) => {
    expect(await networks.command('vznetstat', args)).toEqual({
      code,
      signal: null,
      stdout: '',
      stderr: `${message}\n`,
    });
  });
});

describe('a note of traffic that cannot be written', { tags: ['slow'] }, () => {
  const notes = (): string => `${sandbox.rootDir}/var/lib/vz/traffic`;
  const LIST_SENT = 'nft list set inet $(nft list tables inet | head -1 | cut -d" " -f3) sent4';
  const LOST = /what it has sent and received cannot be noted down: /;

  it.each([
    ['there is no space', 'dd if=/dev/zero of="$1/full" bs=4096 2>/dev/null || rm -f "$1/none"', 'ENOSPC'],
    ['all is read-only', 'mount -o remount,ro "$1"', 'EROFS'],
  ])('since %s fails neither a change nor a stop, and loses nothing else', async (_, harm, code) => {
    await start(101, '--ipadd', '192.0.2.10');
    await ping('192.0.2.10', 5);
    await sandbox.shell('mkdir -p "$1" && mount -t tmpfs -o size=16k none "$1"', notes());
    try {
      await sandbox.shell(harm, notes());
      const set = await networks.vzctl('set', '101', '--ipadd', '192.0.2.11', '--save');
      expect(set).toMatchObject({ code: 0, stderr: expect.stringMatching(LOST) });
      expect(set.stderr).toContain(code);
      expect(await networks.wan.reaches('192.0.2.11')).toBe(true);
      // The kernel still has it.
      expect(await netstat('-v', '101')).toEqual(['101 1 724 6 724 6']);
      const sent = (): Promise<string> => networks.host.run(LIST_SENT);
      expect(await sent()).toContain('192.0.2.11');
      const stop = await networks.vzctl('stop', '101', '--fast');
      expect(stop).toMatchObject({ code: 0, stderr: expect.stringMatching(LOST) });
      expect(existsSync(`${sandbox.rootDir}/run/vz/101.json`)).toBe(false);
      expect(await sent()).not.toContain('192.0.2.1');
      expect(await networks.vzctl('status', '101')).toMatchObject({
        stdout: expect.stringMatching(/down$/m),
      });
    } finally {
      await sandbox.shell('umount "$1"', notes());
    }
    await networks.good('start', '101', '--wait');
    expect(await networks.wan.reaches('192.0.2.11')).toBe(true);
  });
});

describe('the node service', () => {
  it('has counters of all containers, to the packet, over restarts', async () => {
    writeFileSync(classes(), '2 192.0.2.0/24\n');
    const service = networks.host.spawn(
      ...['env', `CELLA_ROOT=${sandbox.rootDir}`, process.execPath, `${CLI}cella.cjs`, 'service'],
    );
    try {
      const client = new ServiceClient(sandbox.rootDir);
      const metrics = async (): Promise<string> => String(await client.call('GET', '/v1/metrics'));
      await eventually(() => client.call('GET', '/v1/'));
      await start(101, '--ipadd', '192.0.2.10');
      await start(102, '--ipadd', '192.0.2.11');
      await ping('192.0.2.10', 5);
      await ping('192.0.2.11', 3);
      const text = await metrics();
      const at = (ctid: number, host: number) => `ctid="${ctid}",address="192.0.2.${host}"`;
      expect(text.split('\n')).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^# HELP cella_container_network_receive_bytes_total \S/),
          '# TYPE cella_container_network_receive_bytes_total counter',
          `cella_container_network_receive_bytes_total{${at(101, 10)}} 640`,
          `cella_container_network_receive_packets_total{${at(101, 10)}} 5`,
          `cella_container_network_transmit_bytes_total{${at(102, 11)}} 384`,
          `cella_container_network_transmit_packets_total{${at(102, 11)}} 3`,
          '# TYPE cella_container_network_class_transmit_packets_total counter',
          `cella_container_network_class_transmit_packets_total{${at(101, 10)},class="2"} 5`,
        ]),
      );
      await networks.good('restart', '101', '--fast', '--wait');
      await ping('192.0.2.10', 2);
      await networks.good('stop', '102', '--fast');
      expect(await metrics()).toContain(`cella_container_network_receive_packets_total{${at(101, 10)}} 7\n`);
      expect(await metrics()).toContain(`cella_container_network_receive_packets_total{${at(102, 11)}} 3\n`);
      expect(await client.call('GET', '/v1/traffic')).toMatchObject([
        { ctid: 101, addresses: expect.arrayContaining([expect.objectContaining({ class: null })]) },
        {
          ctid: 102,
          addresses: [{ address: '192.0.2.11', class: null, sent: { packets: 3, bytes: 384 } }, {}],
        },
      ]);
      await networks.good('stop', '101', '--fast');
      await networks.good('destroy', '102');
      expect(await metrics()).not.toContain(`address="192.0.2.11"`);
    } finally {
      service.kill('SIGTERM');
      await once(service, 'exit');
    }
    await untilKeeperIsGone(sandbox);
  });
});
