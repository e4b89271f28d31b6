/**
 * tar-stream, with names and PAX records as bytes (strings hold a byte in each character: latin1), and with the sparse
 * files of GNU tar.
 */
import { type Extract, extract, type Header } from 'tar-stream';
import { type Sparse, sparseOf } from './sparse.js';
import { BLOCK, MORE_FOLLOWS } from './sparse-map.js';
import { decodeHeader } from './tar-header.js';

export type PaxRecords = Readonly<Record<string, string>>;

/** What nobody here looks at. */
type Decoration = 'uname' | 'gname' | 'byteOffset';
/** What leads the header that it is about. */
type Leading = 'pax-header' | 'pax-global-header' | 'gnu-long-path' | 'gnu-long-link-path';

/** What tar-stream really gives: null for what it does not know or find. */
export interface TarHeader extends Omit<Header, Decoration | 'type' | 'linkname' | 'pax'> {
  readonly type: Header['type'] | Leading | null;
  readonly linkname: string | null;
  /** What the extended header before it says (pax(1), "pax Header Block"). */
  readonly pax: PaxRecords | null;
  /** Of a sparse file, whose data is to go through a SparseBody; undefined: of one that makes no sense. */
  readonly sparse: Sparse | null | undefined;
}

/** Who takes the data of an entry. */
export interface TarSink {
  data(chunk: Buffer): void;
  /** All of it has come. */
  end(): void;
}

/** Is told of an entry; undefined: nobody wants its data. What it throws ends the reading. */
export type TakeEntry = (header: TarHeader) => TarSink | undefined;

interface Body {
  push(chunk: Buffer | null): boolean;
  destroy(error: Error | null): void;
  _detach(): void;
}

/** What tar-stream 3.2.2 has inside; package.json names that very version. */
interface Inner {
  _header: { -readonly [K in keyof TarHeader]: TarHeader[K] };
  /** Says whether to go on. */
  _consumeHeader(): boolean;
  _continueWrite(error: unknown): void;
  /** What comes next are records, or a name, for the header after them. */
  _longHeader: boolean;
  /** Bytes of the entry that have not come. */
  _missing: number;
  _stream: Body | null;
  _pax: PaxRecords | null;
  _paxGlobal: PaxRecords | null;
  readonly _buffer: { readonly buffered: number; shift(size: number): Buffer | null };
  _decodeLongHeader(bytes: Buffer): void;
  _applyLongHeaders(): void;
  _createStream(): Body;
}

/** Not in its types, but in its manual. */
const OPTIONS = { filenameEncoding: 'latin1', allowUnknownFormat: true } as Parameters<typeof extract>[0];

/** Without `take` there are events as tar-stream has them, which take their time. */
export function readTar(take?: TakeEntry): Extract {
  const reader = extract(OPTIONS);
  const inner = reader as unknown as Inner;
  readPaxAsBytes(inner);
  if (take) readAtOnce(reader, inner, take);
  readSparse(inner);
  return reader;
}

/**
 * tar-stream reads PAX values as UTF-8, and what is none is lost: a name of an older system, an ACL, the capabilities
 * of a program.
 */
function readPaxAsBytes(inner: Inner): void {
  const decode = inner._decodeLongHeader;
  inner._decodeLongHeader = (bytes) => {
    const { type } = inner._header;
    if (type === 'pax-header') inner._pax = parsePax(bytes, inner._paxGlobal);
    else if (type === 'pax-global-header') inner._paxGlobal = parsePax(bytes, null);
    else decode.call(inner, bytes);
  };
}

/** tar-stream knows none: it takes the names of their PAX headers, and the maps of old ones for the next header. */
function readSparse(inner: Inner): void {
  const { _buffer: buffer, _applyLongHeaders: apply, _createStream: create } = inner;
  const { shift } = buffer;
  let block: Buffer = Buffer.alloc(BLOCK);
  buffer.shift = (size) => {
    const bytes = shift.call(buffer, size);
    if (size === BLOCK && bytes) block = bytes;
    return bytes;
  };
  inner._applyLongHeaders = () => {
    apply.call(inner);
    const header = inner._header;
    header.sparse = sparseOf(header, block);
    if (!header.sparse) return;
    header.type = 'file';
    header.name = header.pax?.['GNU.sparse.name'] ?? header.name;
    if (header.sparse.rest === 'blocks') header.size += BLOCK;
  };
  inner._createStream = () => {
    const stream = create.call(inner);
    if (inner._header.sparse?.rest === 'blocks') lengthenBy(inner, stream);
    return stream;
  };
}

/** No stream for an entry, no events, no waiting: who writes a chunk finds all of it taken when that is done. */
function readAtOnce(reader: Extract, inner: Inner, take: TakeEntry): void {
  const guard = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      reader.destroy(error as Error);
    }
  };
  inner._consumeHeader = () => {
    try {
      consumeHeader(inner);
      return true;
    } catch (error) {
      inner._continueWrite(error);
      return false;
    }
  };
  inner._createStream = () => {
    const { size, type } = inner._header;
    let sink: TarSink | undefined;
    guard(() => {
      sink = take(inner._header);
      // Nothing is read of these, whatever the header says.
      if (size === 0 || type === 'directory') sink?.end();
    });
    return {
      push: (chunk) => {
        if (sink) guard(() => (chunk ? sink?.data(chunk) : sink?.end()));
        return true;
      },
      destroy: () => undefined,
      _detach: () => {
        inner._stream = null;
        inner._missing = (BLOCK - (size % BLOCK)) % BLOCK;
      },
    };
  };
}

/** Of records and names; as much as tar-stream reads. */
const LONGEST = 4 << 20;

function consumeHeader(inner: Inner): void {
  const header = decodeHeader(inner._buffer.shift(BLOCK) ?? Buffer.alloc(0));
  if (!header) return;
  inner._header = header;
  if (isForNext(header.type)) {
    if (!(header.size >= 0 && header.size <= LONGEST)) throw new Error('a header exceeds what is sensible');
    inner._longHeader = header.size > 0;
    inner._missing = header.size;
    return;
  }
  inner._applyLongHeaders();
  const { size, type } = inner._header;
  if (!(size >= 0)) throw new Error('a header has no valid size');
  const stream = inner._createStream();
  if (size === 0 || type === 'directory') return;
  inner._stream = stream;
  inner._missing = size;
}

function isForNext(type: string | null): boolean {
  return type !== null && /^(?:pax|gnu)-/.test(type);
}

/** What was written and is not taken: it waits for the rest of a header. */
export function untaken(reader: Extract): number {
  return (reader as unknown as Inner)._buffer.buffered;
}

/** The blocks of a map are not counted in the size of what they lead: each says whether one more follows. */
function lengthenBy(inner: Inner, stream: Body): void {
  const { push } = stream;
  let seen = 0;
  let flag = MORE_FOLLOWS;
  stream.push = (chunk) => {
    while (chunk && flag >= seen && flag < seen + chunk.length) {
      const isMore = chunk[flag - seen] !== 0;
      flag = isMore ? flag + BLOCK : -1;
      if (isMore) inner._missing += BLOCK;
      // For the padding behind the data it makes no difference.
    }
    seen += chunk?.length ?? 0;
    return push.call(stream, chunk);
  };
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** "LENGTH KEY=VALUE\n", one after the other; the length counts all of it. */
export function parsePax(bytes: Buffer, inherited: PaxRecords | null): PaxRecords {
  const records: Record<string, string> = Object.assign(Object.create(null), inherited);
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(SPACE, at);
    const digits = space < 0 ? '' : bytes.toString('latin1', at, Math.min(space, at + 20));
    const end = at + Number(digits);
    if (!/^[1-9]\d*$/.test(digits) || end > bytes.length || end <= space || bytes[end - 1] !== NEWLINE)
      throw new Error('a PAX header is malformed');
    const equals = bytes.indexOf(EQUALS, space);
    if (equals < 0 || equals >= end) throw new Error('a PAX header is malformed');
    const value = bytes.toString('latin1', equals + 1, end - 1);
    const key = bytes.toString('latin1', space + 1, equals);
    // tar-stream takes an empty path for none, and reads a size as far as it is a number.
    if (key === 'size' && !/^\d{1,16}$/.test(value)) throw new Error('a PAX header is malformed');
    if (isPiece(key, pieces.length)) pieces.push(value);
    else records[key] = value;
    at = end;
  }
  if (pieces.length > 0) records['GNU.sparse.map'] = pieces.join(',');
  return records;
}

/** A map in format 0.0 is one record for each number: offset, length, offset, length. */
function isPiece(key: string, before: number): boolean {
  if (key !== 'GNU.sparse.offset' && key !== 'GNU.sparse.numbytes') return false;
  if ((key === 'GNU.sparse.offset') !== (before % 2 === 0)) throw new Error('a PAX header is malformed');
  return true;
}
