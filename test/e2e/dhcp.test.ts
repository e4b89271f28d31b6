/** A stock guest that asks for its address, of a server of the host. */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Networks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
const networks = new Networks(sandbox);
let server: ChildProcess;

beforeAll(async () => {
  await networks.open();
  await networks.command('cella', ['network', 'bridge', 'add', 'br1', '--address', '203.0.113.1/24']);
  const file = `${sandbox.rootDir}/udhcpd.conf`;
  const leases = `${sandbox.rootDir}/leases`;
  writeFileSync(leases, '');
  writeFileSync(
    file,
    `start 203.0.113.50\nend 203.0.113.59\ninterface br1\nlease_file ${leases}\noption subnet 255.255.255.0\n`,
  );
  server = networks.host.spawn('busybox', 'udhcpd', '-f', file);
  await sandbox.createFrom(await sandbox.template('debian-13'), 101);
}, 600_000);
afterAll(async () => {
  server.kill('SIGKILL');
  await networks.close();
});

const addresses = async (name: string): Promise<string> =>
  (await networks.vzctl('exec', '101', `ip -4 -o addr show ${name} 2>/dev/null`)).stdout;

it('has its address after a start, and from an interface that it is given while it runs', async () => {
  await networks.good(
    'set',
    '101',
    '--netif_add',
    'eth0,,,,br1',
    '--ifname',
    'eth0',
    '--dhcp',
    'yes',
    '--save',
  );
  await networks.good('start', '101', '--wait');
  await expect.poll(() => addresses('eth0'), { timeout: 60_000 }).toContain('203.0.113.5');
  await networks.good(
    'set',
    '101',
    '--netif_add',
    'eth1,,,,br1',
    '--ifname',
    'eth1',
    '--dhcp',
    'yes',
    '--save',
  );
  await expect.poll(() => addresses('eth1'), { timeout: 60_000 }).toContain('203.0.113.5');
});
