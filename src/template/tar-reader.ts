/** tar-stream, with names and PAX records as bytes: strings hold a byte in each character (latin1). */
import { type Extract, extract, type Header } from 'tar-stream';

export type PaxRecords = Readonly<Record<string, string>>;

/** What tar-stream really gives: null for what it does not know or find. */
export interface TarHeader extends Omit<Header, 'type' | 'linkname' | 'pax'> {
  readonly type: Header['type'] | null;
  readonly linkname: string | null;
  /** What the extended header before it says (pax(1), "pax Header Block"). */
  readonly pax: PaxRecords | null;
}

/** What tar-stream 3.2.2 keeps of its headers; package.json names that very version. */
interface Inner {
  _header: { readonly type: string };
  _pax: PaxRecords | null;
  _paxGlobal: PaxRecords | null;
  _decodeLongHeader(bytes: Buffer): void;
}

/** Not in its types, but in its manual. */
const OPTIONS = { filenameEncoding: 'latin1', allowUnknownFormat: true } as Parameters<typeof extract>[0];

/**
 * tar-stream reads PAX values as UTF-8, and what is none is lost: a name of an older system, an ACL, the capabilities
 * of a program.
 */
export function readTar(): Extract {
  const reader = extract(OPTIONS);
  const inner = reader as unknown as Inner;
  const decode = inner._decodeLongHeader;
  inner._decodeLongHeader = function decodeLongHeader(bytes) {
    const { type } = inner._header;
    if (type === 'pax-header') inner._pax = parsePax(bytes, inner._paxGlobal);
    else if (type === 'pax-global-header') inner._paxGlobal = parsePax(bytes, null);
    else decode.call(inner, bytes);
  };
  return reader;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** "LENGTH KEY=VALUE\n", one after the other; the length counts all of it. */
export function parsePax(bytes: Buffer, inherited: PaxRecords | null): PaxRecords {
  const records: Record<string, string> = Object.assign(Object.create(null), inherited);
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
    records[key] = value;
    at = end;
  }
  return records;
}
