/** Netlink: messages of ours, answers of the kernel. */
import { describe, expect, it } from 'vitest';
import {
  attribute,
  listAttributes,
  nested,
  readAttributes,
  readText,
  text,
  u32,
} from '../../src/host/netlink/attributes.js';
import { ask, dump, FLAG, PROTOCOL, request, send } from '../../src/host/netlink/request.js';
import { native } from '../../src/native/binding.js';

const [NEWLINK, GETLINK] = [16, 18];
const IFNAME = 3;
const link = (index: number): Buffer => {
  const body = Buffer.alloc(16);
  body.writeInt32LE(index, 4);
  return body;
};

describe('attributes', () => {
  it('are read as they were written', () => {
    const bytes = Buffer.concat([u32(1, 7), text(2, 'abc'), nested(3, u32(4, 9), text(4, 'x'))]);
    const read = readAttributes(bytes);
    expect(read.get(1)?.readUInt32LE()).toBe(7);
    expect(readText(read.get(2) as Buffer)).toBe('abc');
    expect(listAttributes(read.get(3) as Buffer).map(([type]) => type)).toEqual([4, 4]);
  });

  it('refuses what is too long, and leaves out what is cut short', () => {
    expect(() => attribute(1, Buffer.alloc(0x10000))).toThrow(RangeError);
    expect(readAttributes(text(2, 'abcdef').subarray(0, 7)).size).toBe(0);
  });
});

describe('netlink', () => {
  it('lists the interfaces of this network', async () => {
    const links = await dump(PROTOCOL.route, { type: GETLINK, body: link(0) });
    const names = links.map(({ body }) => readText(readAttributes(body.subarray(16)).get(IFNAME) as Buffer));
    expect(names).toContain('lo');
  });

  it('tells of each message what became of it, also behind one that failed', async () => {
    const missing = { type: GETLINK, body: link(0x7ffffff0) };
    const lo = { type: GETLINK, body: link(1) };
    const [first, second, third] = await send(PROTOCOL.route, [lo, missing, lo]);
    expect([first?.code, second?.code, third?.code]).toEqual([undefined, 'ENODEV', undefined]);
    expect([first?.answers.length, third?.answers.length]).toEqual([1, 1]);
    await expect(request(PROTOCOL.route, [lo, missing])).rejects.toMatchObject({ code: 'ENODEV', index: 1 });
    expect(await request(PROTOCOL.route, [missing], { accept: ['ENODEV'] })).toHaveLength(1);
  });

  it('tells each of its own messages, of several who send at one time', async () => {
    const of = (index: number) => ({ type: GETLINK, body: link(index) });
    const sent = await Promise.all(
      [[of(1)], [of(1), of(0x7ffffff0)], [], [of(0x7ffffff0), of(1), of(1)]].map((messages) =>
        send(PROTOCOL.route, messages),
      ),
    );
    expect(sent.map((done) => done.map(({ code, answers }) => code ?? answers.length))).toEqual([
      [1],
      [1, 'ENODEV'],
      [],
      ['ENODEV', 1, 1],
    ]);
  });

  it('says in words what is wrong where the kernel does', async () => {
    const wrong = {
      type: NEWLINK,
      flags: FLAG.create,
      body: Buffer.concat([link(0), text(IFNAME, 'a'.repeat(40))]),
    };
    const [outcome] = await send(PROTOCOL.route, [wrong]);
    expect(outcome?.code).toBe('ERANGE');
    expect(outcome?.why).toMatch(/\w/);
  });

  it('takes ten thousand messages at once', async () => {
    const many = Array.from({ length: 10_000 }, () => ({ type: GETLINK, body: link(1) }));
    const done = await send(PROTOCOL.route, many);
    expect(done.every(({ code, answers }) => code === undefined && answers.length === 1)).toBe(true);
  });

  it.each([3, 300])('looks up %d things, of which some are not there', async (count) => {
    const asked = Array.from({ length: count }, (_, at) => ({
      type: GETLINK,
      body: link(at % 3 === 1 ? 0x7ffffff0 : 1),
    }));
    const found = await ask(PROTOCOL.route, asked, { accept: ['ENODEV'] });
    expect(found.map(({ answers }) => answers.length)).toEqual(asked.map((_, at) => (at % 3 === 1 ? 0 : 1)));
    await expect(ask(PROTOCOL.route, asked)).rejects.toMatchObject({ code: 'ENODEV', index: 1 });
  });

  it('refuses what is no message, and a namespace that is none', async () => {
    await expect(native().netlink(-1, 0, [Buffer.alloc(7)])).rejects.toMatchObject({ code: 'EINVAL' });
    expect(() => native().netlinkNow(0, Buffer.alloc(7))).toThrow(/EINVAL.*netlink/);
    await expect(native().netlink(0, 0, [])).rejects.toMatchObject({ code: 'EINVAL', syscall: 'netlink' });
  });
});
