/** The terminal or pipes around the command line; nothing below touches `process`. */
import type { Readable, Writable } from 'node:stream';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `handler` for each of the signals; returns how to stop. */
  onSignal(names: readonly NodeJS.Signals[], handler: (name: NodeJS.Signals) => void): () => void;
  /** Width of the terminal behind standard output; undefined when it is none. */
  columns(): number | undefined;
  /** The terminal behind standard input, if it is one. */
  readonly terminal: Terminal | undefined;
}

export interface Terminal {
  setRaw(raw: boolean): void;
  size(): { readonly rows: number; readonly columns: number };
}
