/** Messages of netlink as bytes, and what the kernel answers them (netlink(7), <linux/netlink.h>). */
import { getSystemErrorName } from 'node:util';
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
  /** It takes so long that nothing else is to wait for it. */
  readonly slow?: boolean;
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

/** `sequence`: names it to the kernel, which answers by that. */
export function encode({ type, flags = 0, body, ack = true }: Message, sequence: number): Buffer {
  const bytes = Buffer.alloc((HEADER + body.length + 3) & ~3);
  bytes.writeUInt32LE(HEADER + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags | FLAG.request | (ack ? FLAG.ack : 0), 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, HEADER);
  return bytes;
}

/** Puts them into as few datagrams as may be. */
export function gather(encoded: readonly Buffer[]): readonly Buffer[] {
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

/** What became of messages whose sequence is their place, counted from one. */
export function outcomes(messages: readonly Message[], answers: Buffer): readonly Outcome[] {
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
