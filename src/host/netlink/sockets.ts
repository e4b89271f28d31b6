/** Sockets of this network by sock_diag(7): those of one state alone are looked at, however many there are. */
import { familyNumber, fromBytes } from './addresses.js';
import { dumpShort } from './request.js';

const SOCK_DIAG = 4;
const BY_FAMILY = 20;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
/** TCP_LISTEN, and TCP_CLOSE as which UDP shows what is connected to nobody. */
const STATES = { tcp: 1 << 10, udp: 1 << 7 } as const;
const REQUEST = 56;

export interface LocalSocket {
  readonly address: string;
  readonly port: number;
}

/** TCP sockets that listen, UDP sockets that are connected to nobody. ENOENT: the kernel has no such listing. */
export async function listListening(protocol: 'tcp' | 'udp', family: 4 | 6): Promise<readonly LocalSocket[]> {
  const body = Buffer.alloc(REQUEST);
  body.writeUInt8(familyNumber(family), 0);
  body.writeUInt8(PROTOCOLS[protocol], 1);
  body.writeUInt32LE(STATES[protocol], 4);
  const found = await dumpShort(SOCK_DIAG, { type: BY_FAMILY, body });
  return found.map(({ body: socket }) => ({
    address: fromBytes(socket.subarray(8, family === 4 ? 12 : 24)),
    port: socket.readUInt16BE(4),
  }));
}
