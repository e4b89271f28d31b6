/** A process in a container as its caller holds it: behind pipes, or behind a terminal of the container's own. */
import { closeSync, fchownSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { Stdio } from '../host/launcher.js';
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

/** What the three pipes lead to, and who tells when it has ended. */
export interface PipedProcess {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

/** Whose pipes they are, in ids of the host: opening /dev/stdout asks for that (proc_pid_fd(5)). */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Pipes of our own, never the caller's descriptors: a process that stays behind must hold nothing of the host's. */
export async function withPipes(
  run: (stdio: Stdio) => Promise<PipedProcess>,
  signal?: AbortSignal,
  owner?: Owner,
): Promise<GuestProcess> {
  signal?.throwIfAborted();
  const [input, output, errors] = [native().pipe(), native().pipe(), native().pipe()];
  const theirs: Stdio = [input[0], output[1], errors[1]];
  if (owner) for (const fd of theirs) fchownSync(fd, owner.uid, owner.gid);
  const ours: Stdio = [input[1], output[0], errors[0]];
  let running: PipedProcess;
  try {
    running = await run(theirs);
  } catch (error) {
    for (const fd of ours) closeSync(fd);
    throw error;
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
  signal?.addEventListener('abort', () => running.kill('SIGKILL'), { once: true });
  return new Guest(running, ours);
}

class Guest implements GuestProcess {
  readonly pid: number;
  readonly #running: PipedProcess;
  readonly #stdin: LazyStream<Writable>;
  readonly #stdout: LazyStream<Readable>;
  readonly #stderr: LazyStream<Readable>;

  constructor(running: PipedProcess, [stdin, stdout, stderr]: Stdio) {
    // That clearing up failed is for those who wait to hear; the streams end all the same.
    const ended = running.ended.then(nothing, nothing);
    this.pid = running.pid;
    this.#running = running;
    this.#stdin = new LazyStream(stdin, (fd) => typedInto(fd, ended));
    this.#stdout = new LazyStream(stdout, (fd) => drained(fd, ended));
    this.#stderr = new LazyStream(stderr, (fd) => drained(fd, ended));
    void ended.then(() => {
      this.#stdin.close();
      for (const output of [this.#stdout, this.#stderr]) output.closeEmpty();
    });
  }

  get stdin(): Writable {
    return this.#stdin.stream;
  }

  get stdout(): Readable {
    return this.#stdout.stream;
  }

  get stderr(): Readable {
    return this.#stderr.stream;
  }

  kill(signal: NodeJS.Signals): void {
    this.#running.kill(signal);
  }

  wait(): Promise<Ended> {
    return this.#running.ended;
  }
}

/** One end of a pipe, made a stream when somebody first asks: three streams take as long as the fork of a command. */
class LazyStream<T extends Readable | Writable> {
  readonly #open: (fd: number) => T;
  #fd: number;
  #stream: T | undefined;

  constructor(fd: number, open: (fd: number) => T) {
    this.#fd = fd;
    this.#open = open;
  }

  get stream(): T {
    this.#stream ??= this.#fd < 0 ? (new PassThrough().end() as unknown as T) : this.#open(this.#fd);
    return this.#stream;
  }

  /** Closes what nobody has asked for. */
  close(): void {
    if (this.#stream || this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** What was written and not read yet stays to be read. */
  closeEmpty(): void {
    if (this.#stream) return;
    if (native().unread(this.#fd) === 0) this.close();
    else void this.stream;
  }
}

function nothing(): void {}

function typedInto(fd: number, ended: Promise<void>): Writable {
  const stdin = new Socket({ fd, readable: false, writable: true });
  // Writing to a command that has ended is no failure of the caller's.
  stdin.on('error', () => undefined);
  void ended.then(() => stdin.destroy());
  return stdin;
}

/**
 * What a command wrote, ending when it ended: a background process that keeps the pipe open does not keep the
 * caller waiting.
 */
function drained(fd: number, ended: Promise<void>): Readable {
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
