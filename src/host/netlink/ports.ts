/** Ports of bridges by rtnetlink (bridge(8), <linux/if_bridge.h>). */
import { attribute, nested, u8 } from './attributes.js';
import { DELLINK, header, SETLINK } from './links.js';
import type { Message } from './request.js';

const AF_BRIDGE = 7;
const [PORT, SPECIFIC] = [12, 26];
const ISOLATED = 33;
const VLAN = 2;
const [OWN, UNTAGGED] = [0x2, 0x4];

/** By its index: whether it reaches other isolated ones. */
export function setPort(index: number, { isolated }: { readonly isolated: boolean }): Message {
  const body = [header({ index, family: AF_BRIDGE }), nested(PORT, u8(ISOLATED, isolated ? 1 : 0))];
  return { type: SETLINK, body: Buffer.concat(body) };
}

/** Has a port be part of a network. `own`: what comes without a tag is of it, and leaves without one. */
export function joinVlan(index: number, vlan: number, { own }: { readonly own: boolean }): Message {
  return { type: SETLINK, body: ofVlan(index, vlan, own ? OWN | UNTAGGED : 0) };
}

export function leaveVlan(index: number, vlan: number): Message {
  return { type: DELLINK, body: ofVlan(index, vlan, 0) };
}

function ofVlan(index: number, vlan: number, flags: number): Buffer {
  const info = Buffer.alloc(4);
  info.writeUInt16LE(flags, 0);
  info.writeUInt16LE(vlan, 2);
  return Buffer.concat([header({ index, family: AF_BRIDGE }), nested(SPECIFIC, attribute(VLAN, info))]);
}
