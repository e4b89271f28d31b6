/** Pairs of interfaces: one end is on this host, the other one in a container. */
import { CellaError } from '../../errors.js';
import { deleteLink, findLink, getLink, type Link, readLink } from '../netlink/links.js';
import { type Message, type Outcome, PROTOCOL, request, send } from '../netlink/request.js';

export interface Pair {
  /** What became of each message. */
  readonly done: readonly Outcome[];
  /** The host's end; undefined where none was made. */
  readonly link: Link | undefined;
}

/**
 * The first message makes it, the others are about its end on this host, `name`. It takes the place of one whose container
 * ended a moment ago and whose network has not been cleared away yet, never that of anything but a pair.
 */
export async function makePair(name: string, messages: readonly Message[]): Promise<Pair> {
  const all = [...messages, getLink(name)];
  let done = await send(PROTOCOL.route, all);
  if (done[0]?.code === 'EEXIST' && ((await findLink(name))?.kind ?? 'veth') === 'veth') {
    await request(PROTOCOL.route, [deleteLink(name)], { accept: ['ENODEV'] });
    done = await send(PROTOCOL.route, all);
  }
  const [answer] = done[0]?.code === undefined ? (done.at(-1)?.answers ?? []) : [];
  return { done: done.slice(0, messages.length), link: answer && readLink(answer.body) };
}

export function expectLink(link: Link | undefined, name: string): Link {
  if (link) return link;
  throw new CellaError('NETDEV_FAILED', `'${name}' is gone`);
}
