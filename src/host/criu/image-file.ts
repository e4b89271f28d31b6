/**
 * Files of CRIU's images: two magic numbers, then messages with their lengths before them (CRIU's images/*.proto). What is
 * not changed stays as it is, byte for byte.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

const MAGICS = 8;

/** What becomes of a field's value. */
export type Edit = (value: Value) => Value;
export type Edits = Readonly<Record<number, Edit>>;
type Value = number | Uint8Array;

export interface ImageFile {
  readonly magics: Uint8Array;
  readonly entries: readonly Uint8Array[];
}

export function readImage(path: string): ImageFile {
  const image = readFileSync(path);
  const entries: Uint8Array[] = [];
  for (let at = MAGICS; at + 4 <= image.length; ) {
    const end = at + 4 + image.readUInt32LE(at);
    entries.push(image.subarray(at + 4, end));
    at = end;
  }
  return { magics: image.subarray(0, MAGICS), entries };
}

export function writeImage(path: string, { magics, entries }: ImageFile): void {
  const parts = entries.flatMap((entry) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(entry.length);
    return [length, entry];
  });
  writeFileSync(path, Buffer.concat([magics, ...parts]));
}

export function editImage(path: string, edits: Edits): void {
  const { magics, entries } = readImage(path);
  writeImage(path, { magics, entries: entries.map((entry) => editMessage(entry, edits)) });
}

/** Of a field that is a message itself. */
export const message =
  (edits: Edits): Edit =>
  (value) =>
    editMessage(value as Uint8Array, edits);

export function editMessage(bytes: Uint8Array, edits: Edits): Uint8Array {
  const reader = new BinaryReader(bytes);
  const writer = new BinaryWriter();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, type] = reader.tag();
    const change = edits[field];
    if (change && type === WireType.Varint) writer.tag(field, type).uint32(change(reader.uint32()) as number);
    else if (change && type === WireType.LengthDelimited)
      writer.tag(field, type).bytes(change(reader.bytes()) as Uint8Array);
    else {
      reader.skip(type, field);
      writer.raw(bytes.subarray(start, reader.pos));
    }
  }
  return writer.finish();
}

/** A number in a message, or in one that is a field of it; undefined: there is none. */
export function numberIn(bytes: Uint8Array, ...[first, ...rest]: readonly number[]): number | undefined {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field !== first) reader.skip(type, field);
    else if (rest.length > 0) return numberIn(reader.bytes(), ...rest);
    else return reader.uint32();
  }
  return undefined;
}
