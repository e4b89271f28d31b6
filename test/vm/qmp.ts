/** Two words of QEMU's machine protocol (docs/interop/qmp-spec): which port leads to ssh, and quit. */
import { connect, type Socket } from 'node:net';

/** The port of the loopback address that QEMU chose; fails when nothing answers at the socket. */
export async function forwardedPort(path: string): Promise<number> {
  const said = await command(path, 'info usernet');
  const port = /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(said)?.[1];
  if (port === undefined) throw new Error(`no forwarded port in: ${said}`);
  return Number(port);
}

export async function quit(path: string, signal: AbortSignal): Promise<void> {
  await command(path, 'quit', signal);
}

interface Reply {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

async function command(path: string, line: string, signal?: AbortSignal): Promise<string> {
  const socket = connect(path);
  signal?.addEventListener('abort', () => socket.destroy(new Error('QEMU does not answer')));
  try {
    const replies = read(socket);
    socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n`);
    await replies.next();
    socket.write(
      `${JSON.stringify({ execute: 'human-monitor-command', arguments: { 'command-line': line } })}\n`,
    );
    const reply = await replies.next();
    return String(reply.value?.return ?? '');
  } finally {
    socket.destroy();
  }
}

/** Replies alone: greetings and events are left out. */
async function* read(socket: Socket): AsyncGenerator<Reply, undefined> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const reply = JSON.parse(line) as Reply;
      if (reply.error) throw new Error(reply.error.desc);
      if ('return' in reply) yield reply;
    }
  }
  return undefined;
}
