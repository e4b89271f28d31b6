/** Requests to the kernel by netlink, many messages at once (netlink(7), <linux/netlink.h>). */
import { getSystemErrorName } from 'node:util';
import { native } from '../../native/binding.js';
import { readAttributes, readText } from './attributes.js';

export const FLAG = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  dump: 0x300,
} as const;

export const PROTOCOL = { route: 0, netfilter: 12 } as const;

const HEADER = 16;
const [ERROR, DONE, FIRST_OWN] = [0x2, 0x3, 0x10];
const ACK_TLVS = 0x200;
const ACK_MESSAGE = 1;
/** Messages of one datagram: what the kernel answers has to have room in the socket. */
const DATAGRAM = 1 << 19;

export interface Message {
  readonly type: number;
  /** Besides `request` and `ack`, which all but the marks of a transaction have. */
  readonly flags?: number;
  /** What follows the header. */
  readonly body: Uint8Array;
  /** False: it is not acknowledged. */
  readonly ack?: boolean;
}

export interface Answer {
  readonly type: number;
  readonly body: Buffer;
}

/** What became of a message. */
export interface Outcome {
  /** Name of the error, as ENODEV; undefined: it was done. */
  readonly code: string | undefined;
  /** What the kernel says of it, in words; often nothing. */
  readonly why: string | undefined;
  readonly answers: readonly Answer[];
}

export interface RequestOptions {
  /** A descriptor of a network namespace; default: this process's own. */
  readonly namespace?: number;
  /** The messages are one transaction: a datagram of their own. Default: they may be sent in several. */
  readonly whole?: boolean;
}

/** A Node-style system error, with the place of the message that it is about. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly code: string;
  readonly syscall = 'netlink';
  readonly index: number;

  constructor(index: number, { code = 'EIO', why }: Outcome) {
    super(`${code}: netlink message ${index}${why ? `: ${why}` : ''}`);
    this.code = code;
    this.index = index;
  }
}

/** Sends all of them, whatever becomes of any: the kernel goes on behind a failure. */
export async function send(
  protocol: number,
  messages: readonly Message[],
  { namespace = -1, whole = false }: RequestOptions = {},
): Promise<readonly Outcome[]> {
  if (messages.length === 0) return [];
  const encoded = messages.map((message, index) => encode(message, index + 1));
  const datagrams = whole ? [Buffer.concat(encoded)] : gather(encoded);
  return outcomes(messages, await native().netlink(namespace, protocol, datagrams));
}

interface Accepting extends RequestOptions {
  /** Codes of errors that do not matter. */
  readonly accept?: readonly string[];
}

/** Fails with the first message's NetlinkError, unless its code is among `accept`. */
export async function request(
  protocol: number,
  messages: readonly Message[],
  options: Accepting = {},
): Promise<readonly Outcome[]> {
  return expectDone(await send(protocol, messages, options), options.accept);
}

/** Lookups of so many are done by the thread that asks. */
const FEW = 100;

/**
 * What `request` does, of messages that change nothing. A few of this process's own network are answered at once: that
 * takes a few microseconds, and handing them to another thread some sixty.
 */
export async function ask(
  protocol: number,
  messages: readonly Message[],
  options: Accepting = {},
): Promise<readonly Outcome[]> {
  const isFew = messages.length > 0 && messages.length <= FEW && (options.namespace ?? -1) < 0;
  if (!isFew) return request(protocol, messages, options);
  const encoded = messages.map((message, index) => encode(message, index + 1));
  const answers = native().netlinkNow(protocol, Buffer.concat(encoded));
  return expectDone(outcomes(messages, answers), options.accept);
}

export function expectDone(done: readonly Outcome[], accept: readonly string[] = []): readonly Outcome[] {
  for (const [index, outcome] of done.entries())
    if (outcome.code !== undefined && !accept.includes(outcome.code)) throw new NetlinkError(index, outcome);
  return done;
}

/** All that a dump holds. */
export async function dump(
  protocol: number,
  message: Pick<Message, 'type' | 'body'>,
  options: RequestOptions = {},
): Promise<readonly Answer[]> {
  const [done] = await request(protocol, [{ ...message, flags: FLAG.dump, ack: false }], options);
  return done?.answers ?? [];
}

function encode({ type, flags = 0, body, ack = true }: Message, sequence: number): Buffer {
  const bytes = Buffer.alloc((HEADER + body.length + 3) & ~3);
  bytes.writeUInt32LE(HEADER + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags | FLAG.request | (ack ? FLAG.ack : 0), 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, HEADER);
  return bytes;
}

function gather(encoded: readonly Buffer[]): readonly Buffer[] {
  const datagrams: Buffer[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const message of encoded) {
    if (size + message.length > DATAGRAM) {
      datagrams.push([]);
      size = 0;
    }
    datagrams.at(-1)?.push(message);
    size += message.length;
  }
  return datagrams.map((messages) => Buffer.concat(messages));
}

function outcomes(messages: readonly Message[], answers: Buffer): readonly Outcome[] {
  const found = messages.map(() => ({
    code: undefined as string | undefined,
    why: undefined as string | undefined,
    answers: [] as Answer[],
  }));
  for (let at = 0; at + HEADER <= answers.length; ) {
    const size = answers.readUInt32LE(at);
    if (size < HEADER || at + size > answers.length) break;
    const outcome = found[answers.readUInt32LE(at + 8) - 1];
    const [type, flags] = [answers.readUInt16LE(at + 4), answers.readUInt16LE(at + 6)];
    const body = answers.subarray(at + HEADER, at + size);
    if (type === ERROR || type === DONE) Object.assign(outcome ?? {}, readError(type, body, flags));
    else if (type >= FIRST_OWN) outcome?.answers.push({ type, body });
    at += (size + 3) & ~3;
  }
  return found;
}

function readError(type: number, body: Buffer, flags: number): Partial<Outcome> {
  const errno = body.length >= 4 ? body.readInt32LE(0) : 0;
  if (errno >= 0) return {};
  // Behind the error comes the header of the message that it is about, of which nothing more is repeated.
  const words = type === ERROR && flags & ACK_TLVS ? body.subarray(4 + HEADER) : Buffer.alloc(0);
  const message = readAttributes(words).get(ACK_MESSAGE);
  return { code: getSystemErrorName(errno), why: message && readText(message) };
}
