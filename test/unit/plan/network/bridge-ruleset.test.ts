/** What ports of bridges are in the sets of the table of bridges. */
import { describe, expect, it } from 'vitest';
import { bridgeElements, bridgeRuleset } from '../../../../src/plan/network/bridge-ruleset.js';
import type { InterfacePlan } from '../../../../src/plan/network/network-plan.js';
import { interfaceOf } from '../../../helpers/plans.js';

const setsOf = (more: Partial<InterfacePlan>): readonly string[] =>
  bridgeElements({ interfaces: [interfaceOf(1, more)] }).map(
    ({ set, chain }) => `${set}${chain ? ` ${chain}` : ''}`,
  );

describe('a port of a bridge', () => {
  it.each([
    ['both filters', {}, ['ports', 'macs', 'addresses4', 'known4', 'limits both']],
    ['that of hardware addresses', { ipFilter: false }, ['ports', 'macs', 'limits hardware']],
    ['that of addresses', { macFilter: false }, ['ports', 'addresses4', 'limits addresses']],
    ['none', { macFilter: false, ipFilter: false }, ['ports']],
  ])('has the elements of %s', (_, more, sets) => {
    expect(setsOf(more)).toEqual(sets);
  });

  it('is known by its name, its hardware address and each of its addresses', () => {
    const addresses = [{ family: 6, address: '2001:db8::1', prefix: 64 }] as const;
    const elements = bridgeElements({ interfaces: [interfaceOf(1, { addresses })] });
    expect(elements.find(({ set }) => set === 'known6')?.key).toEqual([
      { type: 'interface', name: 'veth101.0' },
      { type: 'mac', mac: 'ce:11:00:00:00:01' },
      { type: 'address', address: '2001:db8::1' },
    ]);
  });

  it('is none where it is on no bridge', () => {
    expect(setsOf({ bridge: null })).toEqual([]);
    expect(setsOf({ host: null })).toEqual([]);
  });
});

it('leads to chains that the table has', () => {
  const text = bridgeRuleset('cella');
  for (const more of [{}, { ipFilter: false }, { macFilter: false }])
    for (const { set, chain } of bridgeElements({ interfaces: [interfaceOf(1, more)] })) {
      expect(text).toMatch(new RegExp(`(set|map) ${set} `));
      if (chain) expect(text).toContain(`chain ${chain} {`);
    }
});
