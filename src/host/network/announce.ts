/** Says on the wire who has an address, and asks whether somebody has it (RFC 826, RFC 5227, RFC 4861). */
import { familyOf } from '../../config/address.js';
import { native } from '../../native/binding.js';
import { toBytes } from '../netlink/addresses.js';
import { macBytes, macText } from '../netlink/links.js';
import type { Answering, Uplink } from './uplinks.js';

const [IPV6, ARP] = [0x86dd, 0x0806];
const [REQUEST, REPLY] = [1, 2];
const [SOLICITATION, ADVERTISEMENT] = [135, 136];
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const NOBODY = '00:00:00:00:00:00';

function ethernet(to: Buffer, from: string, type: number, payload: Buffer): Buffer {
  const kind = Buffer.alloc(2);
  kind.writeUInt16BE(type);
  return Buffer.concat([to, macBytes(from), kind, payload]);
}

interface ArpFields {
  readonly operation: number;
  readonly mac: string;
  readonly sender: Buffer;
  readonly target: Buffer;
}

function arp({ operation, mac, sender, target }: ArpFields): Buffer {
  const header = Buffer.from([0, 1, 8, 0, 6, 4, 0, operation]);
  const payload = Buffer.concat([header, macBytes(mac), sender, macBytes(NOBODY), target]);
  return ethernet(macBytes(BROADCAST), mac, ARP, payload);
}

/** Whoever had the address before is forgotten by those who hear it. */
export function announcement(mac: string, address: string): Buffer {
  const bytes = toBytes(address);
  if (bytes.length === 4) return arp({ operation: REQUEST, mac, sender: bytes, target: bytes });
  const everybody = toBytes('ff02::1');
  // Override (RFC 4861, 4.4), from a router.
  const body = Buffer.concat([Buffer.from([0xa0, 0, 0, 0]), bytes, Buffer.from([2, 1]), macBytes(mac)]);
  return neighbour(mac, { type: ADVERTISEMENT, from: bytes, to: everybody, body });
}

/** From nobody, so that no table learns a thing by it. */
export function probe(mac: string, address: string): Buffer {
  const bytes = toBytes(address);
  if (bytes.length === 4) return arp({ operation: REQUEST, mac, sender: Buffer.alloc(4), target: bytes });
  const group = toBytes('ff02::1:ff00:0');
  bytes.copy(group, 13, 13);
  const body = Buffer.concat([Buffer.alloc(4), bytes]);
  return neighbour(mac, { type: SOLICITATION, from: Buffer.alloc(16), to: group, body });
}

interface NeighbourFields {
  readonly type: number;
  readonly from: Buffer;
  readonly to: Buffer;
  readonly body: Buffer;
}

function neighbour(mac: string, { type, from, to, body }: NeighbourFields): Buffer {
  const icmp = Buffer.concat([Buffer.from([type, 0, 0, 0]), body]);
  const header = Buffer.from([0x60, 0, 0, 0, 0, icmp.length, 58, 255]);
  const pseudo = Buffer.concat([from, to, Buffer.from([0, 0, 0, icmp.length, 0, 0, 0, 58]), icmp]);
  icmp.writeUInt16BE(checksum(pseudo), 2);
  const group = Buffer.concat([Buffer.from([0x33, 0x33]), to.subarray(12)]);
  return ethernet(group, mac, IPV6, Buffer.concat([header, from, to, icmp]));
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The hardware address of somebody who says in this frame that the address is his. */
export function claimant(frame: Buffer, address: string): string | undefined {
  const bytes = toBytes(address);
  const at = bytes.length === 4 ? { from: 28, to: 32 } : { from: 62, to: 78 };
  if (frame.length < at.to || !frame.subarray(at.from, at.to).equals(bytes)) return undefined;
  const type = frame.readUInt16BE(12);
  const isArp = type === ARP && [REQUEST, REPLY].includes(frame.readUInt16BE(20));
  const isAdvertised = type === IPV6 && frame[20] === 58 && frame[54] === ADVERTISEMENT;
  if (!(bytes.length === 4 ? isArp : isAdvertised)) return undefined;
  return macText(frame.subarray(6, 12));
}

export async function announce(answering: readonly Answering[]): Promise<void> {
  for (const [uplink, addresses] of byUplink(answering))
    await native().exchangeFrames(
      uplink.index,
      ARP,
      addresses.map((address) => announcement(uplink.mac, address)),
      0,
    );
}

export interface Claim {
  readonly address: string;
  readonly mac: string;
  readonly uplink: string;
}

/** Asks who has the addresses; those that somebody claims within the wait, in milliseconds. */
export async function findClaims(answering: readonly Answering[], wait: number): Promise<readonly Claim[]> {
  const asked = [...byUplink(answering)].flatMap(([uplink, addresses]) =>
    [ARP, IPV6].map((protocol) => ({
      uplink,
      protocol,
      addresses: addresses.filter((address) => familyOf(address) === (protocol === IPV6 ? 6 : 4)),
    })),
  );
  const found = await Promise.all(
    asked
      .filter(({ addresses }) => addresses.length > 0)
      .map(async ({ uplink, protocol, addresses }) => {
        const frames = addresses.map((address) => probe(uplink.mac, address));
        const heard = await native().exchangeFrames(uplink.index, protocol, frames, wait);
        return heard.flatMap((frame) => claims(frame, addresses, uplink));
      }),
  );
  return found.flat();
}

function claims(frame: Buffer, addresses: readonly string[], uplink: Uplink): readonly Claim[] {
  return addresses.flatMap((address) => {
    const mac = claimant(frame, address);
    return mac === undefined || mac === uplink.mac ? [] : [{ address, mac, uplink: uplink.name }];
  });
}

function byUplink(answering: readonly Answering[]): ReadonlyMap<Uplink, readonly string[]> {
  const found = new Map<number, { readonly uplink: Uplink; readonly addresses: string[] }>();
  for (const { uplink, address } of answering) {
    const entry = found.get(uplink.index) ?? { uplink, addresses: [] };
    entry.addresses.push(address.address);
    found.set(uplink.index, entry);
  }
  return new Map([...found.values()].map(({ uplink, addresses }) => [uplink, addresses]));
}
