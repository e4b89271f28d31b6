import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readImage, writeImage } from '../../../src/host/criu/image-file.js';
import { mendPrograms } from '../../../src/host/criu/programs.js';

const O_PATH = 0o12000000;
let images = '';
beforeEach(() => {
  images = mkdtempSync(`${tmpdir()}/cella-images-`);
});
afterEach(() => rmSync(images, { recursive: true }));

const numbers = (fields: Readonly<Record<number, number>>): BinaryWriter =>
  Object.entries(fields).reduce(
    (writer, [field, value]) => writer.tag(Number(field), WireType.Varint).uint32(value),
    new BinaryWriter(),
  );
const file = (id: number, flags: number, name: string): Uint8Array =>
  numbers({ 1: 1, 2: id })
    .tag(3, WireType.LengthDelimited)
    .bytes(numbers({ 1: id, 2: flags, 3: 0 }).tag(6, WireType.LengthDelimited).string(name).finish())
    .finish();
const socket = (id: number): Uint8Array => numbers({ 1: 3, 2: id }).finish();
const mm = (program: number): Uint8Array => numbers({ 1: 4096, 12: program, 13: 7 }).finish();
const remap = (orig: number, name: number): Uint8Array => numbers({ 1: orig, 2: name }).finish();
const put = (name: string, ...entries: readonly Uint8Array[]): void =>
  writeImage(`${images}/${name}`, { magics: Buffer.from('MAGIC!!!'), entries });
const entries = (name: string): readonly Uint8Array[] => readImage(`${images}/${name}`).entries;

it('gives a program that is held by its path an entry of its own, to be read', () => {
  put('files.img', file(1, 0o100000, '/bin/sh'), file(5, O_PATH, '/bin/executor'), socket(9));
  put('mm-1.img', mm(1));
  put('mm-7.img', mm(5));
  put('mm-8.img', mm(5));
  put('remap-fpath.img', remap(5, 77), remap(1, 78));
  mendPrograms(images);
  expect(entries('files.img')).toEqual(
    [
      file(1, 0o100000, '/bin/sh'),
      file(5, O_PATH, '/bin/executor'),
      socket(9),
      file(10, 0o100000, '/bin/executor'),
    ].map((entry) => Buffer.from(entry)),
  );
  expect(['mm-1.img', 'mm-7.img', 'mm-8.img'].flatMap(entries)).toEqual(
    [mm(1), mm(10), mm(10)].map((entry) => Buffer.from(entry)),
  );
  expect(entries('remap-fpath.img')).toEqual(
    [remap(5, 77), remap(1, 78), remap(10, 77)].map((entry) => Buffer.from(entry)),
  );
});

it('leaves images alone whose programs can be read', () => {
  put('files.img', file(1, 0o100000, '/bin/sh'), file(5, O_PATH, '/bin/executor'));
  put('mm-1.img', mm(1));
  writeFileSync(`${images}/pages-1.img`, 'pages');
  const before = readFileSync(`${images}/files.img`);
  mendPrograms(images);
  expect(readFileSync(`${images}/files.img`)).toEqual(before);
  expect(entries('mm-1.img')).toEqual([Buffer.from(mm(1))]);
});
