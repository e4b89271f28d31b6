/** A container that moves between two hosts by ssh, there and back and there again: who is connected to it stays so. */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { connectTo, TwoHosts } from '../helpers/two-hosts.js';
import { useSandbox } from '../helpers/use-sandbox.js';

requires('two-hosts');

const PATIENCE_MS = 60_000;
const sandbox = useSandbox({ needs: ['two-hosts'], keep: [101] });
const hosts = new TwoHosts(sandbox, '/var/tmp/cella-migrate');

beforeAll(() => hosts.open());
afterEach(() => hosts.clear());
afterAll(() => hosts.close());

it('a line that is said back', { timeout: 600_000 }, async () => {
  await hosts.start('busybox');
  await hosts.inside('here', '(nc -l -p 7000 -e cat </dev/null >/dev/null 2>&1 &); sleep 1');
  const client = connectTo(7000);
  const lines = createInterface({ input: client })[Symbol.asyncIterator]();
  const hears = async (text: string): Promise<void> => {
    client.write(`${text}\n`);
    const silence = sleep(PATIENCE_MS, { value: 'silence' });
    expect((await Promise.race([lines.next(), silence])).value).toBe(text);
  };
  try {
    await hears('before');
    await hosts.moveAround(['post-copy', 'hybrid', 'stop'], hears);
  } finally {
    client.destroy();
  }
});
