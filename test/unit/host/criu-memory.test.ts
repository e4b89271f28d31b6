import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PageRequests, whyNotFetched } from '../../../src/host/criu/memory.js';

const [OPEN, ADD, GET, CLOSE] = [4, 6, 7, 0x1023];

function request(command: number, size: number): Buffer {
  const bytes = Buffer.alloc(size, 0xaa);
  bytes.writeUInt32LE(command);
  return bytes;
}

it.each([
  [[4, 1, 1], 24],
  [[4, 2, 1], 32],
] as const)(
  'lets nothing but requests for pages through, however it comes in pieces: CRIU %j',
  async (criu, size) => {
    const commands = fc.array(fc.constantFrom(OPEN, ADD, GET, CLOSE, 0xffffffff), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(commands, fc.integer({ min: 1, max: 50 }), async (asked, piece) => {
        const told = new PassThrough();
        const requests = new PageRequests(criu, told);
        const all = Buffer.concat(asked.map((command) => request(command, size)));
        for (let at = 0; at < all.length; at += piece) requests.write(all.subarray(at, at + piece));
        requests.end();
        const gets = asked.filter((command) => command === GET);
        expect(await buffer(requests)).toEqual(Buffer.concat(gets.map((command) => request(command, size))));
        told.end();
        // A status each, which is 0.
        const closes = asked.filter((command) => command === CLOSE).length;
        expect(await buffer(told)).toEqual(Buffer.alloc(4 * closes));
      }),
      { numRuns: 50 },
    );
  },
);

it('fetches from no CRIU that talks differently', () => {
  expect(whyNotFetched('4.2', '4.2.1')).toBeUndefined();
  expect(whyNotFetched('4.1.1', '4.2')).toBe('CRIU 4.1.1 here and 4.2 there talk differently');
});
