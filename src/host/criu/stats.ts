/** What CRIU tells of a dump: images/stats.proto of its sources. */
import { readFileSync } from 'node:fs';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** Two magic numbers, and a length. */
const BEFORE = 12;
const [DUMP, FROZEN_TIME] = [1, 2];

/** How long its processes were held, ms. */
export function heldFor(images: string): number {
  const entry = fieldOf(readFileSync(`${images}/stats-dump`).subarray(BEFORE), DUMP);
  const microseconds = entry instanceof Uint8Array ? fieldOf(entry, FROZEN_TIME) : undefined;
  return typeof microseconds === 'number' ? Math.round(microseconds / 1000) : 0;
}

function fieldOf(message: Uint8Array, wanted: number): number | Uint8Array | undefined {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.Varint) return reader.uint32();
    if (field === wanted && type === WireType.LengthDelimited) return reader.bytes();
    reader.skip(type, field);
  }
  return undefined;
}
