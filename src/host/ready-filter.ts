/** A tool that waits for what is to go through it: to start a process takes longer than to have little go through one. */
import { filter } from './run.js';

type Pieces = AsyncIterable<Uint8Array> | readonly Uint8Array[];

export class ReadyFilter implements AsyncDisposable {
  readonly #out: AsyncGenerator<Uint8Array>;
  readonly #first: Promise<IteratorResult<Uint8Array>>;
  #give: (pieces: Pieces) => void = () => undefined;

  /** Starts it. */
  constructor(argv: readonly [string, ...string[]]) {
    const given = new Promise<Pieces>((resolve) => {
      this.#give = resolve;
    });
    this.#out = filter(argv, later(given));
    this.#first = this.#out.next();
    this.#first.catch(() => undefined);
  }

  /** What becomes of them, as from `filter`; once. */
  async *through(pieces: Pieces): AsyncGenerator<Uint8Array> {
    this.#give(pieces);
    try {
      for (let next = await this.#first; !next.done; next = await this.#out.next()) yield next.value;
    } finally {
      await this.#out.return(undefined);
    }
  }

  /** Nothing comes any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#give([]);
    await this.#first.catch(() => undefined);
    await this.#out.return(undefined);
  }
}

async function* later(given: Promise<Pieces>): AsyncGenerator<Uint8Array> {
  yield* await given;
}
