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
export async function makePair(
  name: string,
  [first, ...others]: readonly [Message, ...Message[]],
): Promise<Pair> {
  // Asked for when it is up, and the other end is not, Linux would look through all routes and neighbours at once.
  const all = [first, getLink(name), ...others];
  let done = await send(PROTOCOL.route, all);
  if (done[0]?.code === 'EEXIST' && ((await findLink(name))?.kind ?? 'veth') === 'veth') {
    await request(PROTOCOL.route, [deleteLink(name)], { accept: ['ENODEV'] });
    done = await send(PROTOCOL.route, all);
  }
  const [made, looked, ...rest] = done;
  const [answer] = made?.code === undefined ? (looked?.answers ?? []) : [];
  return { done: made ? [made, ...rest] : [], link: answer && readLink(answer.body) };
}

export function expectLink(link: Link | undefined, name: string): Link {
  if (link) return link;
  throw new CellaError('NETDEV_FAILED', `'${name}' is gone`);
}
