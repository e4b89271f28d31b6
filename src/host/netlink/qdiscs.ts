/** Queues of network interfaces by rtnetlink (tc(8), <linux/pkt_sched.h>, <linux/pkt_cls.h>). */
import { aligned, attribute, nested, readAttributes, readText, text, u32 } from './attributes.js';
import { dump, FLAG, type Message, PROTOCOL } from './request.js';

const [NEWQDISC, DELQDISC, GETQDISC, NEWFILTER] = [36, 37, 38, 44];
const TCA = { kind: 1, options: 2 } as const;
const ROOT = { parent: 0xffffffff, handle: 0x10000 } as const;
const INGRESS = { parent: 0xfffffff1, handle: 0xffff0000 } as const;
const HEADER = 20;

const TBF = { parameters: 1, rate64: 4, burst: 6 } as const;
const LINK_LAYER_ETHERNET = 1;
const U32 = { selector: 5, actions: 7 } as const;
const TERMINAL = 1;
const ACTION = { kind: 1, options: 2 } as const;
const MIRRED = { parameters: 2, stolen: 4, redirect: 1 } as const;
/** All protocols, in network byte order, below the filter's priority. */
const FIRST_OF_ALL = (1 << 16) | 0x0300;

/** How fast an interface may send. */
export interface Bucket {
  /** Bits per second. */
  readonly rate: number;
  /** Bytes that may go at once, however long it was quiet. */
  readonly burst: number;
  /** Bytes that may wait; more are dropped. */
  readonly limit: number;
}

export interface Qdisc {
  /** Index of the interface. */
  readonly index: number;
  /** As `tbf`. */
  readonly kind: string;
}

/** `struct tcmsg`. */
function header(index: number, { handle = 0, parent = 0, info = 0 } = {}): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(handle, 8);
  bytes.writeUInt32LE(parent, 12);
  bytes.writeUInt32LE(info, 16);
  return bytes;
}

/** Slows down what an interface sends, or changes how much; what waits by then is sent. */
export function setBucket(index: number, { rate, burst, limit }: Bucket): Message {
  const bytesPerSecond = Math.ceil(rate / 8);
  const options = nested(
    TCA.options,
    attribute(TBF.parameters, bucketParameters(bytesPerSecond, limit)),
    u32(TBF.burst, burst),
    ...(bytesPerSecond > 0xffffffff ? [u64(TBF.rate64, bytesPerSecond)] : []),
  );
  return {
    type: NEWQDISC,
    flags: FLAG.create | FLAG.replace,
    body: Buffer.concat([header(index, ROOT), text(TCA.kind, 'tbf'), options]),
  };
}

/** `struct tc_tbf_qopt`, without a rate of peaks. */
function bucketParameters(bytesPerSecond: number, limit: number): Buffer {
  const bytes = Buffer.alloc(36);
  bytes.writeUInt8(LINK_LAYER_ETHERNET, 1);
  bytes.writeUInt32LE(Math.min(bytesPerSecond, 0xffffffff), 8);
  bytes.writeUInt32LE(Math.min(limit, 0xffffffff), 24);
  return bytes;
}

function u64(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return attribute(type, bytes);
}

/** ENOENT or EINVAL where an interface has none of ours. */
export function deleteBucket(index: number): Message {
  return { type: DELQDISC, body: header(index, ROOT) };
}

/** Where what an interface receives can be filtered; EEXIST where that is so already. */
export function newIngress(index: number): Message {
  return {
    type: NEWQDISC,
    flags: FLAG.create | FLAG.exclusive,
    body: Buffer.concat([header(index, INGRESS), text(TCA.kind, 'ingress')]),
  };
}

/** With all its filters; ENOENT or EINVAL where there is none. */
export function deleteIngress(index: number): Message {
  return { type: DELQDISC, body: header(index, INGRESS) };
}

/**
 * Has another interface send, by its index, what one with an ingress receives. Every packet matches a selector of the
 * u32 filter without keys, which more kernels have than have one for just this.
 */
export function redirect(index: number, to: number): Message {
  const selector = Buffer.alloc(16);
  selector.writeUInt8(TERMINAL, 0);
  const parameters = Buffer.alloc(aligned(28));
  parameters.writeInt32LE(MIRRED.stolen, 8);
  parameters.writeInt32LE(MIRRED.redirect, 20);
  parameters.writeUInt32LE(to, 24);
  const action = nested(
    1,
    text(ACTION.kind, 'mirred'),
    nested(ACTION.options, attribute(MIRRED.parameters, parameters)),
  );
  const options = nested(TCA.options, attribute(U32.selector, selector), nested(U32.actions, action));
  return {
    type: NEWFILTER,
    flags: FLAG.create | FLAG.exclusive,
    body: Buffer.concat([
      header(index, { parent: INGRESS.handle, info: FIRST_OF_ALL }),
      text(TCA.kind, 'u32'),
      options,
    ]),
  };
}

export async function listQdiscs(namespace = -1): Promise<readonly Qdisc[]> {
  const found = await dump(PROTOCOL.route, { type: GETQDISC, body: header(0) }, { namespace });
  return found.map(({ body }) => ({
    index: body.readInt32LE(4),
    kind: readText(readAttributes(body.subarray(HEADER)).get(TCA.kind) ?? Buffer.alloc(0)),
  }));
}
