/** Elements of sets and maps of nftables as bytes, to the kernel and from it (<linux/netfilter/nf_tables.h>). */
import type { Element, Part } from '../../plan/network/elements.js';
import { fromBytes, toBytes } from './addresses.js';
import { attribute, nested, readAttributes, readText, text, u32be } from './attributes.js';
import { macBytes } from './links.js';

const ELEMENT = { key: 1, data: 2, expression: 7 } as const;
const [VALUE, VERDICT] = [1, 2];
const [VERDICT_CODE, VERDICT_CHAIN] = [1, 2];
/** NFT_GOTO. */
const GOTO = -4;
const COUNTER = { bytes: 1, packets: 2 } as const;
const EXPRESSION = { name: 1, data: 2 } as const;
const IFNAMSIZ = 16;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

export interface Counter {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** Of what has counted nothing yet. */
export const NOTHING: Counter = { packets: 0n, bytes: 0n };

/** An element as the kernel has it. */
export interface Held {
  readonly key: Buffer;
  /** Of a map that translates to an address and a port. */
  readonly data: Buffer | undefined;
  /** Of a map of verdicts: the chain that it leads to. */
  readonly chain: string | undefined;
  readonly counter: Counter | undefined;
}

/** Each part is padded to four bytes: so are the fields of a concatenation. */
export function encodeParts(parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.map(encodePart));
}

function encodePart(part: Part): Buffer {
  switch (part.type) {
    case 'interface': {
      const bytes = Buffer.alloc(IFNAMSIZ);
      bytes.write(part.name);
      return bytes;
    }
    case 'address':
      return toBytes(part.address);
    case 'mac': {
      const bytes = Buffer.alloc(8);
      macBytes(part.mac).copy(bytes);
      return bytes;
    }
    case 'protocol':
      return Buffer.from([PROTOCOLS[part.protocol], 0, 0, 0]);
    case 'port': {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt16BE(part.port);
      return bytes;
    }
  }
}

/** A lone port has two bytes, a lone protocol one: none of our sets has such a key. */
export function encodeElement({ key, data, chain }: Element): Buffer {
  return nested(
    1,
    nested(ELEMENT.key, attribute(VALUE, encodeParts(key))),
    ...(data ? [nested(ELEMENT.data, attribute(VALUE, encodeParts(data)))] : []),
    ...(chain ? [nested(ELEMENT.data, goTo(chain))] : []),
  );
}

const goTo = (chain: string): Buffer =>
  nested(VERDICT, u32be(VERDICT_CODE, GOTO), text(VERDICT_CHAIN, chain));

export function readElement(found: ReadonlyMap<number, Buffer>): Held {
  const part = (type: number, which: number): Buffer | undefined => {
    const data = found.get(type);
    return data && readAttributes(data).get(which);
  };
  const [expression, verdict] = [found.get(ELEMENT.expression), part(ELEMENT.data, VERDICT)];
  const chain = verdict && readAttributes(verdict).get(VERDICT_CHAIN);
  return {
    key: part(ELEMENT.key, VALUE) ?? Buffer.alloc(0),
    data: part(ELEMENT.data, VALUE),
    chain: chain && readText(chain),
    counter: expression && readCounter(readAttributes(expression)),
  };
}

function readCounter(expression: ReadonlyMap<number, Buffer>): Counter | undefined {
  const [name, data] = [expression.get(EXPRESSION.name), expression.get(EXPRESSION.data)];
  return name && data && readText(name) === 'counter' ? countOf(data) : undefined;
}

export function countOf(data: Buffer): Counter {
  const values = readAttributes(data);
  const number = (type: number): bigint => values.get(type)?.readBigUInt64BE() ?? 0n;
  return { packets: number(COUNTER.packets), bytes: number(COUNTER.bytes) };
}

/** What a map that translates says: the address and the port. */
export function readTarget(data: Buffer): { readonly address: string; readonly port: number } {
  const size = data.length > 8 ? 16 : 4;
  return { address: fromBytes(data.subarray(0, size)), port: data.readUInt16BE(size) };
}
