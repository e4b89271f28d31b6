/** A process in a container as its caller holds it: behind pipes, or behind a terminal of the container's own. */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { Stdio } from '../host/launcher.js';
import type { ProcessHandle } from '../host/processes.js';
import { type Ended, native } from '../native/binding.js';

export interface GuestProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(signal: NodeJS.Signals): void;
  /** How it ended; output may still be on its way. */
  wait(): Promise<Ended>;
}

/** The far side of a pty: what is written to it is typed. */
export interface Console {
  readonly terminal: Duplex;
  resize(rows: number, columns: number): void;
}

export interface GuestTerminal extends Console {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  wait(): Promise<Ended>;
}

/** `master` becomes the stream's, and is closed with it. */
export function openConsole(master: number): Console {
  const terminal = new ReadStream(master) as unknown as Duplex;
  // EIO is how a terminal says that its last process is gone (tty_ioctl(4)).
  terminal.on('error', () => undefined);
  return { terminal, resize: (rows, columns) => native().setWindowSize(master, rows, columns) };
}

/** Pipes of our own, never the caller's descriptors: a process that stays behind must hold nothing of the host's. */
export async function withPipes(
  run: (stdio: Stdio) => Promise<ProcessHandle>,
  signal?: AbortSignal,
): Promise<GuestProcess> {
  signal?.throwIfAborted();
  const [input, output, errors] = [native().pipe(), native().pipe(), native().pipe()];
  const theirs = [input[0], output[1], errors[1]];
  const ours = [input[1], output[0], errors[0]];
  let handle: ProcessHandle;
  try {
    handle = await run([input[0], output[1], errors[1]]);
  } catch (error) {
    for (const fd of ours) closeSync(fd);
    throw error;
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
  const ended = handle.wait().finally(() => handle[Symbol.dispose]());
  const kill = (name: NodeJS.Signals): void => void handle.kill(name);
  signal?.addEventListener('abort', () => kill('SIGKILL'), { once: true });
  const stdin = new Socket({ fd: input[1], readable: false, writable: true });
  // Writing to a command that has ended is no failure of the caller's.
  stdin.on('error', () => undefined);
  void ended.finally(() => stdin.destroy());
  return {
    pid: handle.pid,
    stdin,
    stdout: drained(output[0], ended),
    stderr: drained(errors[0], ended),
    kill,
    wait: () => ended,
  };
}

/**
 * What a command wrote, ending when it ended: a background process that keeps the pipe open does not keep the
 * caller waiting.
 */
function drained(fd: number, ended: Promise<unknown>): Readable {
  const pipe = new Socket({ fd, readable: true, writable: false });
  const output = new PassThrough();
  pipe.on('error', () => output.end());
  pipe.pipe(output);
  void finish();
  return output;

  async function finish(): Promise<void> {
    await ended;
    while (!pipe.destroyed && !pipe.readableEnded && (native().unread(fd) > 0 || pipe.readableLength > 0)) {
      await new Promise((resolve) => pipe.once('data', resolve).once('close', resolve));
    }
    pipe.unpipe(output);
    pipe.destroy();
    output.end();
  }
}
