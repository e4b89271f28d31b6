/** Private networks, and which address of them is next. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWithin, overlap, parseNetwork } from '../../../../src/config/networks.js';
import {
  allocatePrivate,
  choosePrivateNetworks,
  hostAddress,
} from '../../../../src/plan/network/private-network.js';

const small = parseNetwork('10.1.2.0/29');

describe('allocatePrivate', () => {
  it.each([
    [[], '10.1.2.0/24', '10.1.2.2'],
    [['10.1.2.2', '10.1.2.4'], '10.1.2.0/24', '10.1.2.3'],
    [['10.9.9.9'], '10.1.2.0/24', '10.1.2.2'],
    [['fd00:1::2'], 'fd00:1::/64', 'fd00:1::3'],
  ])('%j of %s: %s', (taken, network, address) => {
    expect(allocatePrivate(taken, parseNetwork(network))).toBe(address);
  });

  it('gives out every address of the network but its own, the host’s and the one for all, each once', () => {
    const taken: string[] = [];
    for (let count = 0; count < 5; count++) taken.push(allocatePrivate(taken, small));
    expect(taken).toEqual(['10.1.2.2', '10.1.2.3', '10.1.2.4', '10.1.2.5', '10.1.2.6']);
    expect(() => allocatePrivate(taken, small)).toThrow(
      expect.objectContaining({ code: 'NO_IP', message: 'no address of 10.1.2.0/29 is free' }),
    );
    expect(hostAddress(small)).toBe('10.1.2.1');
    expect(hostAddress(parseNetwork('fd00:1::/64'))).toBe('fd00:1::1');
  });

  it('takes the lowest that is free, whatever is taken', () => {
    const network = parseNetwork('10.1.2.0/24');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 200 }), (ends) => {
        const taken = ends.map((end) => `10.1.2.${end}`);
        const free = Array.from({ length: 253 }, (_, at) => `10.1.2.${at + 2}`).filter(
          (each) => !taken.includes(each),
        );
        expect(allocatePrivate(taken, network)).toBe(free[0]);
      }),
    );
  });
});

describe('choosePrivateNetworks', () => {
  it('chooses what is free, and the same again', () => {
    const used = [parseNetwork('10.0.0.0/9'), parseNetwork('fd00::/9')];
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const { 4: four, 6: six } = choosePrivateNetworks(seed, used);
        expect(choosePrivateNetworks(seed, used)).toEqual({ 4: four, 6: six });
        expect(isWithin(parseNetwork('10.0.0.0/8'), four)).toBe(true);
        expect(isWithin(parseNetwork('fd00::/8'), six)).toBe(true);
        expect([four.prefix, six.prefix]).toEqual([24, 64]);
        for (const other of used) expect([four, six].some((each) => overlap(each, other))).toBe(false);
      }),
    );
  });

  it.each([
    [['10.0.0.0/8'], '172.16.0.0/12'],
    [['10.0.0.0/8', '172.16.0.0/12'], '192.168.0.0/16'],
  ])('goes elsewhere where %j is routed', (used, within) => {
    const { 4: four } = choosePrivateNetworks('x', used.map(parseNetwork));
    expect(isWithin(parseNetwork(within), four)).toBe(true);
  });

  it('says so where there is none', () => {
    const used = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(parseNetwork);
    expect(() => choosePrivateNetworks('x', used)).toThrow('no private network is free');
  });
});
