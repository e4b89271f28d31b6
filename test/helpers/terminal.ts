/** A real terminal for a command: script(1) of util-linux makes it. */
import { execFileSync, spawn } from 'node:child_process';
import { expect } from 'vitest';

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

export interface OnTerminal {
  /** All that was written to it so far. */
  printed(): string;
  type(text: string): void;
  seen(pattern: RegExp): Promise<void>;
  resize(size: Size): void;
  /** Its exit status, once it has ended. */
  readonly ended: Promise<number | null>;
}

const PATIENCE = { timeout: 15_000 };

/** `argv` is for a shell. */
export async function onTerminal(
  argv: string,
  { rows, columns }: Size,
  env: Readonly<Record<string, string>> = {},
): Promise<OnTerminal> {
  const command = `tty; stty rows ${rows} cols ${columns}; exec ${argv}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, ...env } });
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const seen = (pattern: RegExp): Promise<void> => expect.poll(() => text, PATIENCE).toMatch(pattern);
  await seen(/^\/dev\/pts\/\d+\r\n/);
  const device = text.split('\r\n')[0] ?? '';
  return {
    printed: () => text,
    type: (typed) => void child.stdin.write(typed),
    seen,
    resize: (size) =>
      void execFileSync('stty', ['-F', device, 'rows', String(size.rows), 'cols', String(size.columns)]),
    ended,
  };
}
