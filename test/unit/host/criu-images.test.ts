import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { expect, it } from 'vitest';
import { editMessage } from '../../../src/host/criu/image-file.js';
import { retarget } from '../../../src/host/criu/images.js';

const member = (path: string, prefix: number): Uint8Array => {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string('memory').tag(2, WireType.LengthDelimited).string(path);
  return writer.tag(3, WireType.Varint).uint32(prefix).finish();
};
const within = (...parts: readonly Uint8Array[]): Uint8Array => {
  const writer = new BinaryWriter().tag(1, WireType.Varint).uint32(7);
  for (const part of parts) writer.tag(2, WireType.LengthDelimited).bytes(part);
  return writer.finish();
};
const image = (...entries: readonly Uint8Array[]): Buffer =>
  Buffer.concat([
    Buffer.from('MAGIC!!!'),
    ...entries.flatMap((entry) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(entry.length);
      return [length, entry];
    }),
  ]);

it('names other control groups and ids, and leaves everything else as it is', () => {
  const directory = mkdtempSync(`${tmpdir()}/cella-images-`);
  try {
    const cgroup = (own: string, prefix: number, other: string): Buffer => {
      const set = within(member(own, prefix), member(`${own}/init.scope`, prefix), member(other, 0));
      return image(
        new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(set).tag(2, 2).string('rest').finish(),
      );
    };
    const extent = (lower: number): Uint8Array =>
      new BinaryWriter().tag(1, 0).uint32(0).tag(2, 0).uint32(lower).tag(3, 0).uint32(65536).finish();
    const userns = (uid: number, gid: number): Buffer =>
      image(new BinaryWriter().tag(1, 2).bytes(extent(uid)).tag(2, 2).bytes(extent(gid)).finish());
    writeFileSync(`${directory}/cgroup.img`, cgroup('/cella/101', 10, '/cella/1011'));
    writeFileSync(`${directory}/userns-13.img`, userns(1_000_000, 1_000_000));
    writeFileSync(`${directory}/pages-1.img`, 'pages');
    const groups = { from: '/cella/101', to: '/machine.slice/cella.service/101' };
    retarget(directory, { groups, ids: { uid: 2_000_000, gid: 3_000_000 } });
    expect(readFileSync(`${directory}/cgroup.img`)).toEqual(
      cgroup(groups.to, groups.to.length, '/cella/1011'),
    );
    expect(readFileSync(`${directory}/userns-13.img`)).toEqual(userns(2_000_000, 3_000_000));
    expect(readFileSync(`${directory}/pages-1.img`, 'utf8')).toBe('pages');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('reads no further than a message goes', () => {
  const cut = new BinaryWriter().tag(1, WireType.LengthDelimited).string('whole').finish().subarray(0, 4);
  expect(() => editMessage(cut, { 1: (value) => value })).toThrow();
  expect(new BinaryReader(editMessage(new Uint8Array(0), {})).len).toBe(0);
});
