import { describe, expect, it } from 'vitest';
import { bridgeOf, formatBridge, parseBridge } from '../../../src/config/bridges.js';

describe('bridgeOf', () => {
  it('is what its file says when it is read again', () => {
    const options = { ports: ['eth1', 'eth2'], addresses: ['192.0.2.1/24', '2001:db8::1/64'], vlans: true };
    for (const bridge of [bridgeOf('br1', {}), bridgeOf('br1', options)])
      expect(parseBridge('br1', formatBridge(bridge), '/f')).toEqual(bridge);
  });

  it.each([
    ['br/1', {}, 'bad interface name'],
    ['br1.tmp', {}, 'bad name of a bridge'],
    ['.br1', {}, 'bad name of a bridge'],
    ['a-name-too-long-for-it', {}, 'bad interface name'],
    ['br1', { ports: ['eth 1'] }, 'bad interface name'],
    ['br1', { addresses: ['192.0.2.1'] }, "an address with its network's prefix expected"],
    ['br1', { addresses: ['192.0.2.256/24'] }, 'bad IP address'],
  ])('refuses %s %j', (name, options, message) => {
    expect(() => bridgeOf(name, options)).toThrow(message);
  });
});

describe('parseBridge', () => {
  it('takes what an administrator writes', () => {
    const text = '# the way out\nPORTS="eth1, eth2"\nADDRESS=192.0.2.1/24\n';
    expect(parseBridge('br1', text, '/f')).toEqual(
      bridgeOf('br1', { ports: ['eth1', 'eth2'], addresses: ['192.0.2.1/24'] }),
    );
  });

  it.each([
    ['nonsense', '/f:1: KEY="value" expected'],
    ['PORT=eth1', '/f: unknown setting PORT'],
    ['VLANS=on', "/f: VLANS: yes or no expected, got 'on'"],
    ['ADDRESS=192.0.2.1', '/f: an address with'],
  ])('says what is wrong with %j', (text, message) => {
    expect(() => parseBridge('br1', text, '/f')).toThrow(message);
  });
});
