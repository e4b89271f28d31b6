/** Archives byte by byte, so that they can be as wrong as a stranger likes. */

export interface RawEntry {
  readonly name: string | Buffer;
  /** One character: '0' file, '1' link, '2' symlink, '3' and '4' devices, '5' directory, '6' fifo, 'x' PAX, 'L' long name. */
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly mtime?: number;
  readonly link?: string | Buffer;
  readonly data?: string | Buffer;
  /** What the header says, when that is not the length of the data. */
  readonly size?: number | Buffer;
  readonly device?: readonly [number, number];
  /** In place of the one of POSIX. */
  readonly magic?: string;
  /** From where old GNU tar has the map of a sparse file. */
  readonly tail?: Buffer;
  /** Records of a PAX header before it. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
}

export const END = Buffer.alloc(1024);

export function tar(...entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.map(encode), END]);
}

export function encode(entry: RawEntry): Buffer {
  const data = Buffer.from(entry.data ?? '');
  const before = entry.pax ? encode({ name: 'pax', type: 'x', data: records(entry.pax) }) : Buffer.alloc(0);
  return Buffer.concat([
    before,
    header(entry, data.length),
    data,
    Buffer.alloc((512 - (data.length % 512)) % 512),
  ]);
}

function records(pax: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(
    Object.entries(pax).map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
      let length = rest.length;
      while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}

function header(entry: RawEntry, length: number): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, size: number): void => {
    block.write(value.toString(8).padStart(size - 1, '0'), at, 'latin1');
  };
  Buffer.from(entry.name).copy(block, 0, 0, 100);
  octal(entry.mode ?? 0o644, 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(0, 116, 8);
  if (Buffer.isBuffer(entry.size)) entry.size.copy(block, 124);
  else octal(entry.size ?? length, 124, 12);
  octal(entry.mtime ?? 1_000_000_000, 136, 12);
  block.fill(' ', 148, 156);
  block.write(entry.type ?? '0', 156);
  if (entry.link !== undefined) Buffer.from(entry.link).copy(block, 157, 0, 100);
  block.write(entry.magic ?? 'ustar\x0000', 257, 'latin1');
  octal(entry.device?.[0] ?? 0, 329, 8);
  octal(entry.device?.[1] ?? 0, 337, 8);
  entry.tail?.copy(block, 386);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}

/** Whole, in pieces of a size that falls into the middle of everything. */
export async function* pieces(archive: Buffer, size = 700): AsyncGenerator<Buffer> {
  for (let at = 0; at < archive.length; at += size) yield archive.subarray(at, at + size);
}
