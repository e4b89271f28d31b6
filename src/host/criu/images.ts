/**
 * Images of CRIU, as far as another host has to have them otherwise: where control groups are, and which ids of the host
 * those of the container are. A file is two magic numbers, then messages with their lengths before them (CRIU's
 * images/*.proto); what is not changed stays as it is, byte for byte.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

const MAGICS = 8;

/** What becomes of a field's value; undefined: it stays. */
type Edit = (value: Value) => Value;
type Value = number | Uint8Array;
type Edits = Readonly<Record<number, Edit>>;

/** `groups`: names of control groups as the container's own, there and here, "/cella/101". */
export interface Retarget {
  readonly groups: { readonly from: string; readonly to: string };
  /** First ids of the host; absent: it has no user namespace. */
  readonly ids?: { readonly uid: number; readonly gid: number } | undefined;
}

export function retarget(images: string, { groups, ids }: Retarget): void {
  for (const name of readdirSync(images)) {
    const path = `${images}/${name}`;
    if (name === 'cgroup.img') edit(path, cgroupEdits(groups));
    if (ids && /^userns-\d+\.img$/.test(name)) edit(path, { 1: extent(ids.uid), 2: extent(ids.gid) });
  }
}

/** cgroup_entry: sets (1) of members (2) with a path (2) and how much of it is the namespace's root (3). */
function cgroupEdits({ from, to }: Retarget['groups']): Edits {
  const path: Edit = (value) => {
    const text = Buffer.from(value as Uint8Array).toString();
    const isOurs = text === from || text.startsWith(`${from}/`);
    return isOurs ? Buffer.from(to + text.slice(from.length)) : value;
  };
  const prefix: Edit = (value) => (value === from.length ? to.length : value);
  return { 1: message({ 2: message({ 2: path, 3: prefix }) }) };
}

/** uid_gid_extent: lower_first is 2. */
const extent = (first: number): Edit => message({ 2: () => first });

const message =
  (edits: Edits): Edit =>
  (value) =>
    editMessage(value as Uint8Array, edits);

function edit(path: string, edits: Edits): void {
  const image = readFileSync(path);
  const parts: Uint8Array[] = [image.subarray(0, MAGICS)];
  for (let at = MAGICS; at + 4 <= image.length; ) {
    const end = at + 4 + image.readUInt32LE(at);
    const entry = editMessage(image.subarray(at + 4, end), edits);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(entry.length);
    parts.push(length, entry);
    at = end;
  }
  writeFileSync(path, Buffer.concat(parts));
}

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
