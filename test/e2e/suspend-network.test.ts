/** What peers of a container notice of a suspend and a resume: nothing but that it is slow. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['criu'] });
const networks = useNetworks(sandbox, 101, 102);
const ID = '11111111-0000-4000-8000-000000000000';

/** Says back each line, for as long as somebody is connected. */
const ECHO = '(nc -l -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 0.5';

/** On the way to the peers. */
const BRIDGE = `ip link add br0 type bridge; ip link set br0 up; ip link set eth0 master br0
  ip addr del 192.0.2.1/24 dev eth0; ip addr add 192.0.2.1/24 dev br0`;

/** Says a line to one that says back each; the answer. */
function talkWith({ stdin, stdout }: ChildProcess): (text: string) => Promise<string> {
  const lines = createInterface({ input: stdout as Readable })[Symbol.asyncIterator]();
  return async (text) => {
    stdin?.write(`${text}\n`);
    return (await lines.next()).value;
  };
}

it.each([
  ['of its own', ['--ipadd', '192.0.2.10'], '192.0.2.10', 7000],
  ['that is published', ['--nat', 'yes', '--publish', '7001:7000/tcp'], '192.0.2.1', 7001],
  ['on a bridge', ['--netif_add', 'ifname=eth0,bridge=br0,ip=192.0.2.20/24'], '192.0.2.20', 7000],
])('connections to an address %s stay', async (_, options, address, port) => {
  if (options.includes('--netif_add')) await networks.host.run(BRIDGE);
  await networks.start(101, '--layout', 'overlay:directory', ...options);
  await networks.inside(101, ECHO);
  const peer = networks.wan.spawn('busybox', 'nc', address, String(port));
  const say = talkWith(peer);
  try {
    expect(await say('before')).toBe('before');
    for (const round of ['once', 'twice', 'three times']) {
      await networks.good('suspend', '101');
      const answer = say(round);
      await networks.good('resume', '101');
      expect(await answer).toBe(round);
    }
    expect(await say('after')).toBe('after');
    const name = options.includes('--netif_add') ? 'eth0' : 'venet0';
    expect(await networks.inside(101, `ip -o addr show ${name} | grep -c "inet "`)).toBe('1');
  } finally {
    peer.kill('SIGKILL');
  }
});

it('connections of a snapshot are closed, and new ones are made', { tags: ['slow'] }, async () => {
  await networks.start(101, '--layout', 'overlay:directory', '--ipadd', '192.0.2.10');
  await networks.inside(101, '(nc -ll -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 0.5');
  const peer = networks.wan.spawn('busybox', 'nc', '192.0.2.10', '7000');
  const say = talkWith(peer);
  try {
    expect(await say('before')).toBe('before');
    await networks.good('snapshot', '101', '--id', ID);
    // It notices nothing of the snapshot.
    expect(await say('after')).toBe('after');
    await networks.good('snapshot-switch', '101', '--id', ID, '--must-resume');
    expect(await networks.wan.run('echo new | busybox nc -w 2 192.0.2.10 7000')).toBe('new');
    expect(await say('lost')).toBeUndefined();
  } finally {
    peer.kill('SIGKILL');
  }
});

it('a snapshot whose address somebody else has by now is not resumed', { tags: ['slow'] }, async () => {
  await networks.start(101, '--layout', 'overlay:directory', '--ipadd', '192.0.2.10');
  await networks.good('snapshot', '101', '--id', ID);
  await networks.good('stop', '101', '--fast');
  await networks.start(102, '--ipadd', '192.0.2.10');
  expect(await networks.vzctl('snapshot-switch', '101', '--id', ID, '--must-resume')).toMatchObject({
    code: expect.any(Number),
    stderr: 'address 192.0.2.10 is in use by container 102\n',
  });
  expect((await networks.vzctl('snapshot-switch', '101', '--id', ID)).stderr).toBe(
    'Warning: its processes do not go on: address 192.0.2.10 is in use by container 102\n',
  );
  expect((await networks.vzctl('status', '101')).stdout).toBe('CTID 101 exist unmounted down suspended\n');
  await networks.good('stop', '102', '--fast');
  await networks.good('resume', '101');
});
