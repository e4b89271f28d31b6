/** Classes of traffic and named networks: files, and what nftables is told of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNamedNetworks } from '../../../../src/config/named-networks.js';
import { fromBits, isWithin, networkOf } from '../../../../src/config/networks.js';
import { type ClassedNetwork, parseTrafficClasses } from '../../../../src/config/traffic-classes.js';
import { classRuleset, disjointRanges } from '../../../../src/plan/network/class-ruleset.js';

describe('parseTrafficClasses', () => {
  it('reads classes and networks, with comments; of one network the last line counts', () => {
    const text = '# all\n1 0.0.0.0/0\n\n 2\t10.1.2.3/8 # ours\n3 fd00::/8\n0 192.0.2.1\n4 10.0.0.0/8';
    expect(parseTrafficClasses(text, 'f')).toEqual([
      { class: 1, network: { family: 4, address: '0.0.0.0', prefix: 0 } },
      { class: 4, network: { family: 4, address: '10.0.0.0', prefix: 8 } },
      { class: 3, network: { family: 6, address: 'fd00::', prefix: 8 } },
      { class: 0, network: { family: 4, address: '192.0.2.1', prefix: 32 } },
    ]);
    expect(parseTrafficClasses('', 'f')).toEqual([]);
  });

  it.each(['16 10.0.0.0/8', '-1 10.0.0.0/8', '1', '1 10.0.0.0/33', '1 a', '1 10.0.0.1 2', 'x 10.0.0.1'])(
    'refuses %j, naming the line',
    (line) => {
      const refusal = { code: 'INVALID_CONFIG', message: 'f:2: a class from 0 to 15 and a network expected' };
      expect(() => parseTrafficClasses(`1 ::/0\n${line}`, 'f')).toThrow(expect.objectContaining(refusal));
    },
  );
});

describe('parseNamedNetworks', () => {
  it('reads a network a line, and names a wrong one', () => {
    const networks = [
      { family: 4, address: '192.0.2.7', prefix: 32 },
      { family: 6, address: '2001:db8::', prefix: 32 },
    ];
    expect(parseNamedNetworks('a', '192.0.2.7 # x\n\n2001:DB8::1/32\n', 'f')).toEqual({
      name: 'a',
      networks,
    });
    expect(() => parseNamedNetworks('a', '192.0.2.7 192.0.2.8', 'f')).toThrow('f:1: an address or a network');
  });
});

describe('disjointRanges', () => {
  const classed = fc
    .tuple(fc.nat(15), fc.nat(0xffff), fc.integer({ min: 16, max: 32 }))
    .map(([number, low, prefix]): ClassedNetwork => {
      const address = fromBits(4, (10n << 24n) | BigInt(low));
      return { class: number, network: networkOf({ family: 4, address, prefix }) };
    });
  const networks = fc.uniqueArray(classed, {
    selector: ({ network }) => `${network.address}/${network.prefix}`,
  });

  it('has every address be of the narrowest network that holds it, and no two ranges meet', () => {
    fc.assert(
      fc.property(networks, fc.nat(0x1ffff), (all, low) => {
        const bits = (10n << 24n) | BigInt(low);
        const held = all
          .filter(({ network }) => isWithin(network, { family: 4, address: fromBits(4, bits) }))
          .sort((a, b) => b.network.prefix - a.network.prefix);
        const found = disjointRanges(all).filter(({ first, last }) => first <= bits && bits <= last);
        expect(found.map((range) => range.class)).toEqual(held.slice(0, 1).map((each) => each.class));
      }),
      { numRuns: 500 },
    );
  });

  it('are in order, none empty', () => {
    fc.assert(
      fc.property(networks, (all) => {
        const ranges = disjointRanges(all);
        for (const [index, { first, last }] of ranges.entries()) {
          expect(first <= last).toBe(true);
          const before = ranges[index - 1];
          if (before) expect(before.last < first).toBe(true);
        }
      }),
    );
  });

  it('empties the maps where there are no classes', () => {
    expect(classRuleset('t', [])).toBe(
      'flush map inet t sentclass4\nflush map inet t receivedclass4\nflush map inet t sentclass6\nflush map inet t receivedclass6\n',
    );
  });
});
