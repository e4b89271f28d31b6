/** Progress on whatever standard output is. */
import type { Session } from './session.js';

const ERASE_LINE = '\r\u001b[K';

/** What long work is at: one line that changes on a terminal, a line each elsewhere. */
export class ProgressLine {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  show(line: string): void {
    const { stdout, columns } = this.#session.io;
    const width = columns();
    if (width === undefined) void this.#session.say(line);
    else stdout.write(`${ERASE_LINE}${line.slice(0, width - 1)}`);
  }

  clear(): void {
    const { stdout, columns } = this.#session.io;
    if (columns() !== undefined) stdout.write(ERASE_LINE);
  }
}
