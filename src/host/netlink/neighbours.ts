/** For whom an interface of the host answers when somebody asks who has an address (proxy ARP and NDP; ip-neighbour(8)). */
import { familyOf } from '../../config/address.js';
import { familyNumber, toBytes } from './addresses.js';
import { attribute } from './attributes.js';
import { FLAG, type Message } from './request.js';

const [NEWNEIGH, DELNEIGH] = [28, 29];
const DESTINATION = 1;
const PERMANENT = 0x80;
const PROXY = 0x8;
const HEADER = 12;

export interface Proxy {
  /** Index of the interface that answers. */
  readonly index: number;
  readonly address: string;
}

export function newProxy(proxy: Proxy): Message {
  return { ...change(NEWNEIGH, proxy), flags: FLAG.create | FLAG.replace };
}

export function deleteProxy(proxy: Proxy): Message {
  return change(DELNEIGH, proxy);
}

function change(type: number, { index, address }: Proxy): Message {
  const body = [header(familyNumber(familyOf(address)), index), attribute(DESTINATION, toBytes(address))];
  return { type, body: Buffer.concat(body) };
}

/** `struct ndmsg`. */
function header(family: number, index: number): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt16LE(PERMANENT, 8);
  bytes.writeUInt8(PROXY, 10);
  return bytes;
}
