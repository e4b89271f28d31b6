// sink PORT CONNECTIONS FROM SECONDS: prints "ready", then what all interfaces of its network receive, in bits per
// second, in the SECONDS that begin FROM seconds after so many have connected; then it ends.
// fill ADDRESS PORT: sends as fast as it goes until it is killed.
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [verb, ...rest] = process.argv.slice(2);

/** The kernel counts, however late this process is: only the two readings have to be taken when it says. */
function received() {
  const lines = readFileSync('/proc/self/net/dev', 'utf8').split('\n').slice(2);
  const bytes = lines
    .map((line) => /^ *([^:]+): *(\d+)/.exec(line))
    .filter((found) => found && found[1] !== 'lo');
  return { bytes: bytes.reduce((sum, [, , own]) => sum + Number(own), 0), at: performance.now() / 1000 };
}

async function measure(from, seconds) {
  await sleep(from * 1000);
  const first = received();
  await sleep(seconds * 1000);
  const last = received();
  console.log(Math.round(((last.bytes - first.bytes) * 8) / (last.at - first.at)));
  process.exit(0);
}

function sink(port, connections, from, seconds) {
  let count = 0;
  const server = createServer((socket) => {
    socket.resume().on('error', () => undefined);
    count += 1;
    if (count === connections) void measure(from, seconds);
  });
  server.listen(port, '::', () => console.log('ready'));
}

function fill(address, port) {
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
}

if (verb === 'sink') sink(...rest.map(Number));
else fill(rest[0], Number(rest[1]));
