import { describe, expect, it } from 'vitest';
import { namesIn, namesOut, pack, SMALL, unpacked } from '../../../src/migrate/archive.js';

const FEW = Buffer.alloc(100_000, 'a few bytes ');

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

describe.each([
  ['few bytes', FEW.length],
  ['many bytes', SMALL + 1],
])('what %s become', (_, said) => {
  it('is smaller, and what it was at the other end, in whatever pieces it comes', async () => {
    const packed = await gather(pack(cut(FEW, 70_000), said));
    expect(packed.length).toBeLessThan(FEW.length / 10);
    for (const size of [16, 1000, packed.length])
      expect((await gather(unpacked(cut(packed, size)))).equals(FEW)).toBe(true);
    const nothing = await gather(pack(cut(Buffer.alloc(0), 1), said));
    expect(await gather(unpacked(cut(nothing, 100)))).toHaveLength(0);
  });

  it('is refused where something is missing or wrong', async () => {
    const packed = await gather(pack(cut(FEW, 70_000), said));
    await expect(gather(unpacked(cut(packed.subarray(0, -5), 100)))).rejects.toThrow();
    const wrong = Buffer.from(packed);
    wrong.writeUInt32LE(~wrong.readUInt32LE(wrong.length >> 1) >>> 0, wrong.length >> 1);
    await expect(gather(unpacked(cut(wrong, 100)))).rejects.toThrow();
    await expect(gather(unpacked(cut(Buffer.from('neither'), 100)))).rejects.toThrow();
    await expect(gather(unpacked(cut(Buffer.alloc(0), 100)))).rejects.toThrow();
  });

  it('fails with what it is made of', async () => {
    const failing = (async function* () {
      yield FEW;
      throw new Error('gone');
    })();
    await expect(gather(pack(failing, said))).rejects.toThrow('gone');
  });
});

it('names of files come as they went, unless they lead elsewhere', async () => {
  const names = ['a', 'b/c', 'd\xe4\n'];
  expect(await namesIn(namesOut(names))).toEqual(names);
  for (const bad of ['../a', '/a', 'a/../../b', ''])
    await expect(namesIn(namesOut([bad]))).rejects.toThrow(/leads? out/);
});
