/** IP and hardware addresses as configurations have them. */
import { bad } from './values.js';

export interface Address {
  readonly family: 4 | 6;
  /** In its shortest form. */
  readonly address: string;
  /** Bits of the network's mask; undefined: none was given. */
  readonly prefix: number | undefined;
}

const OCTET = '(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** `ADDRESS[/BITS]`, for IPv4 also `ADDRESS/MASK`; throws BAD_ADDRESS. */
export function parseAddress(text: string): Address {
  const [host = '', mask, ...rest] = text.split('/');
  const family = IPV4.test(host) ? 4 : 6;
  const address = family === 4 ? host : parseIpv6(host);
  const prefix = mask === undefined ? undefined : parseMask(mask, family);
  if (address === undefined || Number.isNaN(prefix) || rest.length > 0)
    throw bad('BAD_ADDRESS', 'bad IP address', text);
  return { family, address, prefix };
}

/** Of an address that has been checked. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

export function formatAddress({ address, prefix }: Address): string {
  return prefix === undefined ? address : `${address}/${prefix}`;
}

/** An address without a mask. */
export function parseHost(text: string): string {
  const { address, prefix } = parseAddress(text);
  if (prefix !== undefined) throw bad('BAD_ADDRESS', 'an address without a mask expected', text);
  return address;
}

/** Six pairs of hexadecimal digits, for one interface alone. */
export function parseMac(text: string): string {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text) || /^.[13579bdf]/i.test(text))
    throw bad('BAD_VALUE', 'bad hardware address', text);
  return text.toLowerCase();
}

/** The parser of URLs is the one of IPv6 that needs no I/O; its form is that of RFC 5952. */
function parseIpv6(text: string): string | undefined {
  const url = `http://[${text}]/`;
  if (!/^[0-9a-f:.]+$/i.test(text) || !URL.canParse(url)) return undefined;
  return new URL(url).hostname.slice(1, -1);
}

/** NaN for what is no mask. */
function parseMask(text: string, family: 4 | 6): number {
  if (/^(?:0|[1-9][0-9]{0,2})$/.test(text)) {
    const bits = Number(text);
    return bits <= (family === 4 ? 32 : 128) ? bits : Number.NaN;
  }
  if (family === 6 || !IPV4.test(text)) return Number.NaN;
  const bits = text
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : Number.NaN;
}
