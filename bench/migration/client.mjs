/** Is sent a byte each millisecond, and tells of each time that none came for a while. `client.mjs ADDRESS PORT` */
import { connect } from 'node:net';

const [host, port] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();
/** Milliseconds that are no more than a busy machine. */
const SHORT = 10;
let last = now();
const socket = connect({ host, port: Number(port), noDelay: true });
socket.on('connect', () => console.log('0 0'));
socket.on('data', () => {
  const time = now();
  if (time - last > SHORT) console.log(`${time.toFixed(1)} ${(time - last).toFixed(1)}`);
  last = time;
});
socket.on('error', ({ code }) => console.log(code));
socket.on('close', () => process.exit(1));
