/** Names and hardware addresses of a container's links: the same at every start. Pure. */
import { createHash } from 'node:crypto';

/** What tells a container from those of other hosts, and of other roots on this one. */
export interface Place {
  /** machine-id(5) of the host. */
  readonly machineId: string;
  /** Of the root directory that containers are kept beneath, as `root-1f2e3d4c`; empty: the host's own. */
  readonly rootGroup: string;
}

/** What the kernel allows (IFNAMSIZ, without the byte behind the name). */
const LONGEST = 15;

/** The host's end of a routed link. */
export function venetName(ctid: number, rootGroup: string): string {
  return `${venetPrefix(rootGroup)}${ctid}`;
}

/** What the names of all routed links of a root begin with, and no other's. */
export function venetPrefix(rootGroup: string): string {
  return rootGroup === '' ? 'venet' : `v${rootOf(rootGroup)}`;
}

/** Where what a container sends is slowed down. */
export function ifbName(ctid: number, rootGroup: string): string {
  return `${rootGroup === '' ? 'ifb' : `i${rootOf(rootGroup)}`}${ctid}`;
}

/** The host's end of an interface, by what its name ends with: veth101.0 of eth0. `taken`: not one of these. */
export function vethName(
  ctid: number,
  ifname: string,
  { rootGroup, taken }: { readonly rootGroup: string; readonly taken: ReadonlySet<string> },
): string {
  const start = `${rootGroup === '' ? 'veth' : `w${rootOf(rootGroup)}`}${ctid}.`;
  const [number] = /[0-9]+$/.exec(ifname) ?? [];
  const name = number === undefined ? '' : `${start}${number}`;
  if (name !== '' && name.length <= LONGEST && !taken.has(name)) return name;
  return `veth${digest(rootGroup, String(ctid), ifname).slice(0, LONGEST - 'veth'.length)}`;
}

/** Of a prefix of ours for local use (IEEE 802, locally administered, of one interface). */
export function macOf({ machineId, rootGroup }: Place, ctid: number, ifname: string, side: string): string {
  const own = digest(machineId, rootGroup, String(ctid), ifname, side).slice(0, 8);
  return `ce:11:${own.replace(/..(?=.)/g, '$&:')}`;
}

/** Four digits and, with the longest id, a name of 15 bytes. */
function rootOf(rootGroup: string): string {
  const hex = /([0-9a-f]{4})[0-9a-f]*$/.exec(rootGroup.replace(/^root-/, ''))?.[1];
  return hex ?? digest(rootGroup).slice(0, 4);
}

function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}
