/** vznetstat: traffic of containers by class. */
import { describe, expect, it } from 'vitest';
import { byClass } from '../../../src/cli/class-traffic.js';
import type { Traffic } from '../../../src/state/traffic.js';

const count = (packets: number) => ({ packets: BigInt(packets), bytes: BigInt(packets) * 100n });
const at = (address: string, number: number | null, received: number, sent: number): Traffic => ({
  address,
  class: number,
  received: count(received),
  sent: count(sent),
});
const row = (ctid: number, number: number, received: number, sent: number) => ({
  ctid,
  class: number,
  received: count(received),
  sent: count(sent),
});

const TRAFFIC = [
  {
    ctid: 101,
    addresses: [
      at('192.0.2.10', null, 10, 20),
      at('192.0.2.10', 0, 3, 4),
      at('192.0.2.10', 1, 2, 2),
      at('2001:db8::10', null, 5, 5),
      at('2001:db8::10', 7, 5, 5),
    ],
  },
  { ctid: 102, addresses: [at('192.0.2.11', null, 0, 0)] },
];

describe('traffic by class', () => {
  it('sums up addresses, and counts what no class names as of class 1', () => {
    expect(byClass(TRAFFIC, {})).toEqual([
      row(101, 0, 3, 4),
      row(101, 1, 7, 16),
      row(101, 7, 5, 5),
      row(102, 1, 0, 0),
    ]);
  });

  it('is that of one container, class or family', () => {
    expect(byClass(TRAFFIC, { ctid: 102 })).toEqual([row(102, 1, 0, 0)]);
    expect(byClass(TRAFFIC, { class: 7 })).toEqual([row(101, 7, 5, 5), row(102, 7, 0, 0)]);
    expect(byClass(TRAFFIC, { ctid: 101, family: 6 })).toEqual([row(101, 1, 0, 0), row(101, 7, 5, 5)]);
    expect(byClass(TRAFFIC, { ctid: 101, family: 4, class: 1 })).toEqual([row(101, 1, 7, 16)]);
  });

  it('has sixteen classes when all are asked for', () => {
    expect(byClass(TRAFFIC, { all: true }).map((each) => each.class)).toHaveLength(32);
  });

  it('is never less than nothing where a class is ahead of the whole', () => {
    const ahead = [{ ctid: 101, addresses: [at('192.0.2.10', null, 1, 1), at('192.0.2.10', 2, 2, 2)] }];
    expect(byClass(ahead, { class: 1 })).toEqual([row(101, 1, 0, 0)]);
  });
});
