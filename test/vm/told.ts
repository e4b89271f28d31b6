/** What several guests say, line by line, and one count of all their tests as the last one. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** As the suites close with it. */
const COUNT = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;

export class Told {
  readonly #write: (line: string) => void;
  #counts: readonly number[] = [0, 0, 0];

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Writes what comes as long as it comes. */
  async follow(output: Readable): Promise<void> {
    for await (const line of createInterface({ input: output })) this.#tell(line);
  }

  #tell(line: string): void {
    const counts = COUNT.exec(line)?.slice(1);
    if (counts) this.#counts = this.#counts.map((sum, at) => sum + Number(counts[at] ?? 0));
    else this.#write(line);
  }

  /** Writes the sum. */
  close(): void {
    const [passed, failed, skipped = 0] = this.#counts;
    this.#write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }
}
