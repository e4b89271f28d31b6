/** Beancounters of things that are counted. */

import * as types from '../value-type.js';
import { COUNT } from '../value-type.js';
import { container, type Parameter, stored } from './parameter.js';

export const COUNTS: readonly Parameter[] = [
  container(['NUMPROC', '--numproc'], types.SOME_ITEMS, 'how many processes and threads there may be', {
    short: '-p',
    live: true,
  }),
  container(['NUMPTY', '--numpty'], types.ITEMS, 'how many pseudo-terminals there may be', { short: '-t' }),
  container(['NUMFILE', '--numfile'], types.SOME_ITEMS, 'files that each process may have open', {
    short: '-n',
  }),
  container(['NUMSIGINFO', '--numsiginfo'], types.ITEMS, 'signals that may wait for each user', {
    short: '-i',
  }),
  stored(['AVNUMPROC', '--avnumproc'], types.ITEMS, 'how many processes are expected'),
  stored(['NUMTCPSOCK', '--numtcpsock'], types.ITEMS, 'TCP sockets'),
  stored(['NUMOTHERSOCK', '--numothersock'], types.ITEMS, 'other sockets'),
  stored(['TCPSNDBUF', '--tcpsndbuf'], types.BYTES, 'buffers of TCP: counted as memory', { unit: 'bytes' }),
  stored(['TCPRCVBUF', '--tcprcvbuf'], types.BYTES, 'buffers of TCP: counted as memory', {
    short: '-b',
    unit: 'bytes',
  }),
  stored(['OTHERSOCKBUF', '--othersockbuf'], types.BYTES, 'buffers of other sockets: counted as memory', {
    unit: 'bytes',
  }),
  stored(['DGRAMRCVBUF', '--dgramrcvbuf'], types.BYTES, 'buffers of datagrams: counted as memory', {
    unit: 'bytes',
  }),
  stored(['NUMFLOCK', '--numflock'], types.ITEMS, 'file locks', { short: '-f' }),
  stored(['NUMIPTENT', '--numiptent'], types.ITEMS, 'rules of its packet filter', { short: '-e' }),
  container(['NUMNETIF', '--numnetif'], COUNT, 'how many network interfaces (--netif_add) there may be', {
    live: true,
  }),
];
