/**
 * How fast a container may send and receive. What is sent to it waits at the host's end of its links; what it sends,
 * which cannot be made to wait where it arrives, takes a way round over a device (ifb) whose own queue slows it down.
 */
import { CellaError } from '../../errors.js';
import type { Rate, ShapingPlan } from '../../plan/network/network-plan.js';
import { deleteLink, findLink, type Link, newIfb, setLink } from '../netlink/links.js';
import {
  type Bucket,
  deleteBucket,
  deleteIngress,
  newIngress,
  redirect,
  setBucket,
} from '../netlink/qdiscs.js';
import { type Message, PROTOCOL, request } from '../netlink/request.js';
import { GROUP } from './venet.js';

/** What may wait: as much as is sent in this time, */
const WAIT_SECONDS = 0.1;
/** and no fewer bytes than these: a slow link has to let TCP begin. */
const SHORTEST_QUEUE = 16 * 1514;

/** What is gone already: the interface, its queue, or either that has been taken away before. */
const GONE = ['ENODEV', 'ENOENT', 'EINVAL'] as const;

/**
 * Slows down links, by the names of their host's ends, or changes by how much. They share the rate of what the container
 * sends; that of what it receives each of them has for itself. Fails with SHAPING_FAILED; what it made until then
 * `unshape` takes away.
 */
export async function shape(names: readonly string[], plan: ShapingPlan): Promise<void> {
  const links = await Promise.all(names.map(findHostEnd));
  try {
    await request(PROTOCOL.route, buckets(links, plan.in), { accept: plan.in ? [] : GONE });
    if (plan.out) await slowSending(links, plan.ifb, plan.out);
    else await freeSending(links, plan.ifb);
  } catch (error) {
    if (error instanceof CellaError) throw error;
    throw new CellaError('SHAPING_FAILED', `cannot limit the rate of ${names.join(', ')}`, { cause: error });
  }
}

/** As fast as it goes from now on. Nothing there is fine. */
export async function unshape(names: readonly string[], { ifb }: Pick<ShapingPlan, 'ifb'>): Promise<void> {
  const found = await Promise.all(names.map((name) => findLink(name)));
  const links = found.filter((link) => link !== undefined);
  await request(PROTOCOL.route, buckets(links, null), { accept: GONE });
  await freeSending(links, ifb);
}

async function findHostEnd(name: string): Promise<Link> {
  const link = await findLink(name);
  if (link) return link;
  throw new CellaError('SHAPING_FAILED', `this host has no network interface '${name}'`);
}

function buckets(links: readonly Link[], rate: Rate | null): readonly Message[] {
  return links.map(({ index }) => (rate ? setBucket(index, bucketOf(rate)) : deleteBucket(index)));
}

function bucketOf({ rate, burst }: Rate): Bucket {
  return { rate, burst, limit: burst + Math.max(SHORTEST_QUEUE, Math.ceil((rate / 8) * WAIT_SECONDS)) };
}

async function slowSending(links: readonly Link[], name: string, rate: Rate): Promise<void> {
  const { index } = await readyIfb(name);
  await request(PROTOCOL.route, [setBucket(index, bucketOf(rate))]);
  // One that is there already may lead elsewhere, or nowhere.
  await request(
    PROTOCOL.route,
    links.map((link) => deleteIngress(link.index)),
    { accept: GONE },
  );
  await request(
    PROTOCOL.route,
    links.flatMap((link) => [newIngress(link.index), redirect(link.index, index)]),
  );
}

/** Too little for IPv6, which stays away then; what is redirected passes whatever its size. */
const NO_IPV6 = 1279;

/** The one that is there may be left from a container that was killed. */
async function readyIfb(name: string): Promise<Link> {
  const made = newIfb(name, { group: GROUP, noArp: true, mtu: NO_IPV6 });
  await request(PROTOCOL.route, [made], { accept: ['EEXIST'] });
  const link = await findLink(name);
  if (link?.kind !== 'ifb' || link.group !== GROUP)
    throw new CellaError('SHAPING_FAILED', `network interface '${name}' is not of ours`);
  await request(PROTOCOL.route, [setLink(link.index, { up: true })]);
  return link;
}

/** The way round ends before the device does, or what comes by then would be lost. */
async function freeSending(links: readonly Link[], name: string): Promise<void> {
  await request(
    PROTOCOL.route,
    links.map(({ index }) => deleteIngress(index)),
    { accept: GONE },
  );
  const ifb = await findLink(name);
  if (ifb?.kind === 'ifb' && ifb.group === GROUP)
    await request(PROTOCOL.route, [deleteLink(ifb.index)], { accept: ['ENODEV'] });
}
