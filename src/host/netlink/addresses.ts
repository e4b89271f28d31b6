/** IP addresses as bytes, and those of interfaces by rtnetlink (rtnetlink(7), <linux/if_addr.h>). */
import { type Address, familyOf } from '../../config/address.js';
import { attribute, readAttributes, u32 } from './attributes.js';
import { dump, FLAG, type Message, PROTOCOL } from './request.js';

const [NEWADDR, DELADDR, GETADDR] = [20, 21, 22];
const IFA = { address: 1, local: 2, flags: 8 } as const;
const [NODAD, NOPREFIXROUTE] = [0x2, 0x200];
const HEADER = 8;

/** AF_INET and AF_INET6 (<sys/socket.h>). */
export const familyNumber = (family: 4 | 6): number => (family === 4 ? 2 : 10);

/** Four or sixteen bytes, in network order. */
export function toBytes(address: string): Buffer {
  if (familyOf(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const words = (part: string): readonly number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [first, last] = [words(head), words(tail ?? '')];
  const bytes = Buffer.alloc(16);
  for (const [at, word] of first.entries()) bytes.writeUInt16BE(word, at * 2);
  for (const [at, word] of last.entries()) bytes.writeUInt16BE(word, (8 - last.length + at) * 2);
  return bytes;
}

/** In its shortest form (RFC 5952). */
export function fromBytes(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':');
  return new URL(`http://[${words}]/`).hostname.slice(1, -1);
}

export interface LinkAddress {
  /** Index of its interface. */
  readonly index: number;
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefix: number;
}

interface AddressOptions {
  /** With the route to its network, as interfaces on a link of several have it. */
  readonly route?: boolean;
}

/** Usable at once. `index`: of the interface. */
export function newAddress(index: number, address: Address, options: AddressOptions = {}): Message {
  return { ...change(NEWADDR, index, address, options), flags: FLAG.create | FLAG.replace };
}

export function deleteAddress(index: number, address: Address): Message {
  return change(DELADDR, index, address, {});
}

function change(
  type: number,
  index: number,
  { family, address, prefix }: Address,
  { route = false }: AddressOptions,
): Message {
  const bytes = toBytes(address);
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(familyNumber(family), 0);
  header.writeUInt8(prefix ?? bytes.length * 8, 1);
  header.writeUInt32LE(index, 4);
  const flags = u32(IFA.flags, (route ? 0 : NOPREFIXROUTE) | (family === 6 ? NODAD : 0));
  const body = [header, attribute(IFA.local, bytes), attribute(IFA.address, bytes), flags];
  return { type, body: Buffer.concat(body) };
}

export async function listAddresses(namespace = -1): Promise<readonly LinkAddress[]> {
  const found = await dump(PROTOCOL.route, { type: GETADDR, body: Buffer.alloc(HEADER) }, { namespace });
  return found.flatMap(({ body }) => {
    const attributes = readAttributes(body.subarray(HEADER));
    const bytes = attributes.get(IFA.local) ?? attributes.get(IFA.address);
    if (!bytes) return [];
    const family = body.readUInt8(0) === familyNumber(4) ? 4 : 6;
    const [prefix, index] = [body.readUInt8(1), body.readUInt32LE(4)];
    return [{ index, family, address: fromBytes(bytes), prefix } as const];
  });
}
