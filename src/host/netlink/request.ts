/** Requests to the kernel by netlink, many messages at once (netlink(7)). */
import { native } from '../../native/binding.js';
import { together } from '../together.js';
import { type Answer, encode, FLAG, gather, type Message, type Outcome, outcomes } from './messages.js';

export { type Answer, FLAG, type Message, type Outcome } from './messages.js';

export const PROTOCOL = { route: 0, netfilter: 12 } as const;

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
  options: RequestOptions = {},
): Promise<readonly Outcome[]> {
  if (messages.length === 0) return [];
  const isOwn = protocol === PROTOCOL.route && (options.namespace ?? -1) < 0;
  const isShared = isOwn && messages.every(({ ack = true, slow = false }) => ack && !slow);
  return isShared ? (await sendShared(messages))() : sendAlone(protocol, messages, options);
}

/**
 * Of this process's own network, one change after the other: the kernel does no two at one time, and handing over as many as
 * there are takes as long as one. Returns functions, so that nothing is sent twice where a sending fails.
 */
const sendShared = together(async (all: readonly (readonly Message[])[]) => {
  const sent = sendAlone(PROTOCOL.route, all.flat(), {});
  await Promise.allSettled([sent]);
  let end = 0;
  return all.map(({ length }) => {
    end += length;
    const own = [end - length, end] as const;
    return async () => (await sent).slice(...own);
  });
});

async function sendAlone(
  protocol: number,
  messages: readonly Message[],
  { namespace = -1, whole = false }: RequestOptions,
): Promise<readonly Outcome[]> {
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

type Listing = Pick<Message, 'type' | 'body'>;
const dumping = (message: Listing): Message => ({ ...message, flags: FLAG.dump, ack: false });

/** All that a dump holds. */
export async function dump(
  protocol: number,
  message: Listing,
  options: RequestOptions = {},
): Promise<readonly Answer[]> {
  const [done] = await request(protocol, [dumping(message)], options);
  return done?.answers ?? [];
}

/** The same of a short one in this process's own network, at once as `ask` does it. */
export async function dumpShort(protocol: number, message: Listing): Promise<readonly Answer[]> {
  const [done] = await ask(protocol, [dumping(message)]);
  return done?.answers ?? [];
}
