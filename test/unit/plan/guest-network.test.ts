import { describe, expect, it } from 'vitest';
import { guestNetwork, type Listings } from '../../../src/plan/checkpoint/guest-network.js';

const NOTHING: Listings = { addresses: '', routes: ['', ''], rules: '' };
const address = (ifname: string, info: object): string =>
  JSON.stringify([
    { ifname, addr_info: [{ family: 'inet', local: '10.0.0.1', prefixlen: 8, scope: '0', ...info }] },
  ]);
const linesOf = (listings: Partial<Listings>): readonly string[] =>
  guestNetwork({ ...NOTHING, ...listings }, undefined).lines;
const routes = (...all: readonly object[]): Pick<Listings, 'routes'> => ({
  routes: [JSON.stringify(all), '[]'],
});

describe('addresses', () => {
  it('are named with all that they have', () => {
    expect(linesOf({ addresses: address('lo', { broadcast: '10.255.255.255', label: 'lo:1' }) })).toEqual([
      'address replace 10.0.0.1/8 dev lo broadcast 10.255.255.255 label lo:1 scope 0',
    ]);
    expect(linesOf({ addresses: address('lo', { address: '10.0.0.2', valid_life_time: 60 }) })).toEqual([
      'address replace 10.0.0.1 peer 10.0.0.2/8 dev lo scope 0 valid_lft 60',
    ]);
  });

  it.each([
    ['of links that the guest has made', address('dummy0', {})],
    ['of the kernel', address('lo', { local: '127.0.0.1' })],
    ['that are none', address('lo', { local: '10.0.0.1 dev eth0\nlink del lo' })],
    ['with a length that is none', address('lo', { prefixlen: '8 dev eth0' })],
    ['that a router gave', address('lo', { family: 'inet6', local: 'fd00::1', mngtmpaddr: true })],
  ])('%s are not', (_, addresses) => {
    expect(linesOf({ addresses })).toEqual([]);
  });

  it('are named without a label that could be something else', () => {
    expect(linesOf({ addresses: address('lo', { label: 'lo:1\nlink del lo' }) })).toEqual([
      'address replace 10.0.0.1/8 dev lo scope 0',
    ]);
  });
});

describe('routes', () => {
  it('come after those that lead to their gateways', () => {
    const behind = { dst: 'default', gateway: '10.9.9.9', dev: 'lo', metric: 7, flags: ['onlink'] };
    expect(linesOf(routes(behind, { dst: '10.9.9.9', dev: 'lo', scope: '253', table: '33' }))).toEqual([
      'route replace 10.9.9.9 dev lo table 33 scope 253',
      'route replace 0.0.0.0/0 via 10.9.9.9 dev lo metric 7 onlink',
    ]);
  });

  it.each([
    ['of the kernel', { dst: '10.0.0.0/8', dev: 'lo', protocol: '2' }],
    ['over links that the guest has made', { dst: '10.0.0.0/8', dev: 'dummy0' }],
    ['with several gateways', { dst: '10.0.0.0/8', dev: 'lo', nexthops: [] }],
    ['that are none', { dst: '10.0.0.0/8 dev lo; x', dev: 'lo' }],
  ])('%s are left out', (_, route) => {
    expect(linesOf(routes(route))).toEqual([]);
  });
});

describe('rules', () => {
  const rulesOf = (...items: readonly object[]): string | null =>
    guestNetwork({ ...NOTHING, rules: JSON.stringify({ nftables: items }) }, undefined).rules;

  it('are those that CRIU did not make', () => {
    const own = { table: { family: 'inet', name: 't' } };
    const criu = [{ table: { family: 'inet', name: 'CRIU-7' } }, { chain: { table: 'CRIU-7', name: 'c' } }];
    expect(rulesOf({ metainfo: {} }, ...criu, own)).toBe(JSON.stringify({ nftables: [own] }));
    expect(rulesOf({ metainfo: {} }, ...criu)).toBeNull();
  });
});
