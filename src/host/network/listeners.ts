/** Sockets that listen on this host. */
import { readFileSync } from 'node:fs';
import { familyOf } from '../../config/address.js';
import { isErrno } from '../../errors.js';
import { fromBytes, toBytes } from '../netlink/addresses.js';
import { listListening } from '../netlink/sockets.js';

export interface Listener {
  /** `0.0.0.0` and `::`: any. One of `::` usually hears IPv4 too. */
  readonly address: string;
  readonly port: number;
}

type Protocol = 'tcp' | 'udp';

/** Of TCP sockets that listen, and of UDP sockets that are connected to nobody. */
const STATE = { tcp: '0A', udp: '07' } as const;

/** In the network of this process. */
export async function readListeners(protocol: Protocol): Promise<readonly Listener[]> {
  const listed = await Promise.all(([4, 6] as const).map((family) => ask(protocol, family)));
  return listed.flat();
}

async function ask(protocol: Protocol, family: 4 | 6): Promise<readonly Listener[]> {
  try {
    return (await listListening(protocol, family)).map(({ address, port }) => ({
      address: unmapped(address),
      port,
    }));
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EINVAL', 'EPROTONOSUPPORT')) throw error;
    // Without that part of the kernel: all sockets, of which those are picked (proc_net(5)).
    return parseListeners(protocol, readTable(`/proc/self/net/${protocol}${family === 6 ? '6' : ''}`));
  }
}

/** One of IPv6 may be bound to an address of IPv4. */
function unmapped(address: string): string {
  const bytes = toBytes(address);
  const isMapped = bytes.length === 16 && bytes.readBigUInt64BE(0) === 0n && bytes.readUInt32BE(8) === 0xffff;
  return isMapped ? fromBytes(bytes.subarray(12)) : address;
}

/** A kernel without IPv6 has no tables of it. */
function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

export function parseListeners(protocol: Protocol, text: string): readonly Listener[] {
  return [...text.matchAll(/^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /gm)].flatMap(
    ([, address = '', port = '', state]) =>
      state === STATE[protocol] ? [{ address: parseAddress(address), port: Number.parseInt(port, 16) }] : [],
  );
}

/** Words of the host's byte order, which is little-endian where we run. */
function parseAddress(hex: string): string {
  return unmapped(fromBytes(Buffer.from(hex, 'hex').swap32()));
}

export interface Port {
  readonly family: 4 | 6;
  /** Of the host; null: any. */
  readonly address: string | null;
  readonly port: number;
}

/** Whether a listener would hear nothing any more of others if a port led elsewhere. */
export function isInTheWay(listener: Listener, { family, address, port }: Port): boolean {
  if (listener.port !== port || isLoopback(listener.address)) return false;
  if (listener.address === '::' || (listener.address === '0.0.0.0' && family === 4)) return true;
  if (familyOf(listener.address) !== family) return false;
  return address === null || address === listener.address;
}

/** Published ports are none of the loopback's. */
function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** Ports that a kernel gives to sockets of clients: with UDP these cannot be told from a server's. */
export function readClientPorts(): { readonly first: number; readonly last: number } {
  const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1');
  const [first = 1, last = 0] = text.trim().split(/\s+/).map(Number);
  return { first, last };
}
