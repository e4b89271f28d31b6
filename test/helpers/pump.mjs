// sink PORT SECONDS: prints "ready", then bits per second of each connection, leaving out its first seconds.
// fill ADDRESS PORT SECONDS: sends as fast as it goes.
import { connect, createServer } from 'node:net';

const [verb, ...rest] = process.argv.slice(2);
const now = () => performance.now() / 1000;

function sink(port, beginning) {
  const server = createServer((socket) => {
    const began = now();
    let [first, last, bytes] = [0, 0, 0];
    socket.on('data', (data) => {
      last = now();
      if (last - began < beginning) return;
      if (first === 0) first = last;
      else bytes += data.length;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => console.log(Math.round((bytes * 8) / (last - first))));
  });
  server.listen(port, '::', () => console.log('ready'));
}

function fill(address, port, seconds) {
  const socket = connect(port, address);
  const data = Buffer.alloc(1 << 16);
  const more = () => {
    while (socket.write(data));
  };
  socket.on('connect', more).on('drain', more);
  socket.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  // What waits to be sent is not of this time.
  setTimeout(() => process.exit(0), seconds * 1000);
}

if (verb === 'sink') sink(Number(rest[0]), Number(rest[1]));
else fill(rest[0], Number(rest[1]), Number(rest[2]));
