// serve tcp|udp PORT: answers everybody with their own address, prints "ready" first.
// ask tcp|udp ADDRESS PORT: prints the answer; fails after two seconds, or at once where it is refused.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const [verb, protocol, ...rest] = process.argv.slice(2);
const plain = (address) => address.replace(/^::ffff:/, '');
const ready = () => console.log('ready');

function serve(port) {
  if (protocol === 'tcp') {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(plain(socket.remoteAddress ?? ''));
    });
    server.listen(port, '::', ready);
    return;
  }
  const socket = createSocket('udp6');
  socket.on('message', (_, from) => socket.send(plain(from.address), from.port, from.address));
  socket.bind(port, '::', ready);
}

function ask(address, port) {
  const fail = (error) => {
    console.error(error.code ?? error.message);
    process.exit(1);
  };
  const say = (answer) => {
    console.log(String(answer));
    process.exit(0);
  };
  setTimeout(() => fail(new Error('no answer')), 2000);
  if (protocol === 'tcp') {
    connect(port, address).on('data', say).on('error', fail);
    return;
  }
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', say).on('error', fail);
  socket.send('?', port, address);
}

if (verb === 'serve') serve(Number(rest[0]));
else ask(rest[0], Number(rest[1]));
