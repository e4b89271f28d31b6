/** Ports of bridges by rtnetlink (bridge(8), <linux/if_bridge.h>). */
import { attribute, nested, u8 } from './attributes.js';
import { DELLINK, header, SETLINK } from './links.js';
import type { Message } from './request.js';

const AF_BRIDGE = 7;
const [PORT, SPECIFIC] = [12, 26];
const ISOLATED = 33;
const VLAN = 2;
const [OWN, UNTAGGED, FIRST, LAST] = [0x2, 0x4, 0x8, 0x10];

/** By its index: whether it reaches other isolated ones. */
export function setPort(index: number, { isolated }: { readonly isolated: boolean }): Message {
  const body = [header({ index, family: AF_BRIDGE }), nested(PORT, u8(ISOLATED, isolated ? 1 : 0))];
  return { type: SETLINK, body: Buffer.concat(body) };
}

/** Has a port be part of a network. `own`: what comes without a tag is of it, and leaves without one. */
export function joinVlan(index: number, vlan: number, { own }: { readonly own: boolean }): Message {
  return { type: SETLINK, body: ofVlan(index, vlan, own ? OWN | UNTAGGED : 0) };
}

/** Of all from `first` to `last`, with their tags. */
export function joinVlans(index: number, first: number, last: number): Message {
  return { type: SETLINK, body: ofVlans(index, [vlanInfo(first, FIRST), vlanInfo(last, LAST)]) };
}

export function leaveVlan(index: number, vlan: number): Message {
  return { type: DELLINK, body: ofVlan(index, vlan, 0) };
}

const ofVlan = (index: number, vlan: number, flags: number): Buffer =>
  ofVlans(index, [vlanInfo(vlan, flags)]);

function ofVlans(index: number, infos: readonly Buffer[]): Buffer {
  return Buffer.concat([header({ index, family: AF_BRIDGE }), nested(SPECIFIC, ...infos)]);
}

/** `struct bridge_vlan_info`. */
function vlanInfo(vlan: number, flags: number): Buffer {
  const info = Buffer.alloc(4);
  info.writeUInt16LE(flags, 0);
  info.writeUInt16LE(vlan, 2);
  return attribute(VLAN, info);
}
