/** What peers of a container notice of a suspend and a resume: nothing but that it is slow. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ needs: ['criu'] });
const networks = useNetworks(sandbox, 101);

/** Says back each line, for as long as somebody is connected. */
const ECHO = '(nc -l -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 0.5';

it.each([
  ['of its own', ['--ipadd', '192.0.2.10'], '192.0.2.10', 7000],
  ['that is published', ['--nat', 'yes', '--publish', '7001:7000/tcp'], '192.0.2.1', 7001],
])('connections to an address %s stay', async (_, options, address, port) => {
  await networks.start(101, '--layout', 'overlay:directory', ...options);
  await networks.inside(101, ECHO);
  const peer = networks.wan.spawn('busybox', 'nc', address, String(port));
  const lines = createInterface({ input: peer.stdout as Readable })[Symbol.asyncIterator]();
  const say = async (text: string): Promise<string> => {
    peer.stdin?.write(`${text}\n`);
    return (await lines.next()).value;
  };
  try {
    expect(await say('before')).toBe('before');
    for (const round of ['once', 'twice', 'three times']) {
      await networks.good('suspend', '101');
      const answer = say(round);
      await networks.good('resume', '101');
      expect(await answer).toBe(round);
    }
    expect(await say('after')).toBe('after');
    expect(await networks.inside(101, 'ip -o addr show venet0 | grep -c "inet "')).toBe('1');
  } finally {
    peer.kill('SIGKILL');
  }
});
