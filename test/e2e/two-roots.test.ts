/** Containers of two root directories on one host: neither's packets are strangers to the other one. */
import { expect, it } from 'vitest';
import { useNetworks } from '../helpers/networks.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox();
const otherSandbox = useSandbox();
const networks = useNetworks(sandbox, 101);

/** Packets whose source was somebody else's, of each root. */
const dropped = async (): Promise<readonly number[]> =>
  [...(await networks.host.run('nft list counters')).matchAll(/packets (\d+)/g)].map(([, packets]) =>
    Number(packets),
  );

it('have networks at the same time', async () => {
  const other = networks.beside(otherSandbox);
  await networks.start(101, '--ipadd', '192.0.2.10', '--ipadd', '2001:db8::10');
  await other.start(101, '--ipadd', '192.0.2.11', '--ipadd', '2001:db8::11', '--nat', 'yes');
  try {
    for (const address of ['192.0.2.10', '192.0.2.11', '2001:db8::10', '2001:db8::11'])
      expect(await networks.wan.reaches(address), address).toBe(true);
    const asks = (address: string) => `ping -c 1 -W 2 ${address} >/dev/null && echo answered`;
    for (const address of ['192.0.2.11', '192.0.2.1', '2001:db8::11', '2001:db8::2'])
      expect(await networks.inside(101, asks(address)), address).toBe('answered');
    expect(await other.inside(101, asks('192.0.2.10'))).toBe('answered');
    expect(await dropped()).toEqual([0, 0]);
    const forge = 'ip addr add 192.0.2.77/32 dev venet0; ping -c 1 -W 1 -I 192.0.2.77 192.0.2.2';
    await networks.inside(101, forge);
    expect((await dropped()).toSorted()).toEqual([0, 1]);
    await other.inside(101, forge);
    expect(await dropped()).toEqual([1, 1]);
  } finally {
    for (const verb of ['stop', 'destroy']) await other.good(verb, '101');
  }
  // Nothing of it is there any more but its table.
  expect(await networks.wan.reaches('192.0.2.10')).toBe(true);
});
