/** What a command gets: the host it works on, where to write, and the exit status it leaves. */
import type { Command } from 'commander';
import type { Container } from '../container/container.js';
import type { Host } from '../container/host.js';
import type { Io } from './io.js';

export interface Session {
  readonly io: Io;
  /** Exit status, unless something is thrown. */
  status: number;
  host(): Promise<Host>;
  container(idOrName: string): Promise<Container>;
  /** Directory under which every path is taken; undefined: the host's own root. */
  rootDir(): string | undefined;
  /** From the first call on Ctrl-C aborts this signal, rather than ending the process. */
  interruptible(): AbortSignal;
  /** A line for the operator, and for the log of the container. */
  say(line: string, ctid?: number): Promise<void>;
}

/** One verb: adds itself to the program. */
export type Register = (program: Command, session: Session) => void;
