/** Who listens on a host, by its tables in /proc. */
import { describe, expect, it } from 'vitest';
import { isInTheWay, parseListeners } from '../../../src/host/network/listeners.js';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 010200C0:0016 020200C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 3 1
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0000000000000000FFFF0000010200C0:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
   2: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
`;

describe('parseListeners', () => {
  it('knows addresses of both families, and leaves connections out', () => {
    expect(parseListeners('tcp', TCP)).toEqual([
      { address: '127.0.0.1', port: 53 },
      { address: '0.0.0.0', port: 22 },
    ]);
    expect(parseListeners('tcp', TCP6)).toEqual([
      { address: '::', port: 8080 },
      { address: '192.0.2.1', port: 80 },
      { address: '2001:db8::1', port: 80 },
    ]);
    expect(parseListeners('udp', TCP)).toEqual([]);
    expect(parseListeners('udp', TCP.replace('0016 00000000:0000 0A', '0016 00000000:0000 07'))).toHaveLength(
      1,
    );
  });
});

describe('isInTheWay', () => {
  it.each([
    ['0.0.0.0', 4, null, true],
    ['0.0.0.0', 4, '192.0.2.1', true],
    ['0.0.0.0', 6, null, false],
    ['::', 4, '192.0.2.1', true],
    ['::', 6, null, true],
    ['192.0.2.1', 4, null, true],
    ['192.0.2.1', 4, '192.0.2.1', true],
    ['192.0.2.1', 4, '192.0.2.2', false],
    ['192.0.2.1', 6, null, false],
    ['127.0.0.1', 4, null, false],
    ['::1', 6, null, false],
  ] as const)('of one at %s, for IPv%d of %s: %s', (address, family, wanted, expected) => {
    expect(isInTheWay({ address, port: 80 }, { family, address: wanted, port: 80 })).toBe(expected);
    expect(isInTheWay({ address, port: 81 }, { family, address: wanted, port: 80 })).toBe(false);
  });
});
