/**
 * Two ends of a migration: messages, each of which may be followed by bytes, both ways over one pair of streams.
 *
 * A frame is its length (32 bits, big-endian), what it is (a byte) and as many bytes: a message (JSON), a piece of the bytes
 * behind it, or their end; or what is carried beside them from a stream at one end to one at the other.
 */
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError } from '../errors.js';
import { drained } from '../host/run.js';
import { failureOf, type Message } from './messages.js';

const KIND = { message: 1, piece: 2, end: 3, carried: 4 } as const;
const HEADER = 5;
/** A config and lists of names are in messages, files never. */
const LONGEST_MESSAGE = 1 << 24;
const LONGEST_PIECE = 1 << 20;

export interface LinkOptions {
  /** Bytes a second that go out at most. */
  readonly limit?: number | undefined;
  /** Says what the connection was lost for, '' if nobody knows. */
  readonly why?: (() => Promise<string>) | undefined;
}

interface Frame {
  readonly kind: number;
  readonly bytes: Buffer;
}

export class Link {
  readonly #output: Writable;
  #frames: AsyncIterator<Frame>;
  readonly #limit: number | undefined;
  readonly #why: () => Promise<string>;
  /** When what was sent so far may have gone out, ms. */
  #due = 0;
  /** Bytes of frames, that went out. */
  sent = 0;

  constructor(input: Readable, output: Writable, { limit, why = async () => '' }: LinkOptions = {}) {
    this.#why = why;
    this.#output = output;
    this.#limit = limit;
    this.#frames = framesOf(input);
    // Whoever writes learns of it there.
    output.on('error', () => undefined);
  }

  async send(message: object): Promise<void> {
    await this.#put(KIND.message, Buffer.from(JSON.stringify(message)));
  }

  /** Behind a message that says what they are. */
  async sendBytes(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#putAll(KIND.piece, pieces);
    await this.#put(KIND.end, Buffer.alloc(0));
  }

  /** The next message; fails where the other side is gone, or says nothing `within` so many ms: no more is heard then. */
  async receive(within?: number): Promise<unknown> {
    const { kind, bytes } = within === undefined ? await this.#next() : await this.#soon(within);
    if (kind !== KIND.message) throw broken();
    try {
      return JSON.parse(bytes.toString()) as unknown;
    } catch {
      throw broken();
    }
  }

  /** What is behind the message that came last; all of it is to be taken before the next message is. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { kind, bytes } = await this.#next();
      if (kind === KIND.end) return;
      if (kind !== KIND.piece) throw broken();
      yield bytes;
    }
  }

  /** What comes out of `from` goes into `into` at the other end, and the other way round, until either is over. */
  carry(from: Readable, into: Writable): void {
    const frames = this.#frames;
    const rest = new PassThrough({ objectMode: true });
    this.#frames = rest[Symbol.asyncIterator]() as AsyncIterator<Frame>;
    void this.#sort(frames, into, rest);
    void this.#putAll(KIND.carried, from).catch(() => undefined);
  }

  async #sort(frames: AsyncIterator<Frame>, into: Writable, rest: Writable): Promise<void> {
    for (let next = await frames.next(); !next.done; next = await frames.next()) {
      const { kind, bytes } = next.value;
      const [to, what] = kind === KIND.carried ? [into, bytes] : [rest, next.value];
      if (!to.destroyed && !to.write(what)) await drained(to);
    }
    rest.end();
  }

  async #next(): Promise<Frame> {
    const { value, done } = await this.#frames.next();
    if (done) throw await this.#gone();
    return value;
  }

  #isOver(): boolean {
    return this.#output.destroyed || this.#output.errored !== null;
  }

  /** What it said last is why, if it said so; it may have gone before it was heard. */
  async #gone(): Promise<CellaError> {
    for (let next = await this.#frames.next(); !next.done; next = await this.#frames.next()) {
      const last = next.value.kind === KIND.message ? failureIn(next.value.bytes) : undefined;
      if (last) return last;
    }
    const why = await this.#why();
    return new CellaError('CONNECTION_LOST', `the connection broke${why === '' ? '' : `: ${why}`}`);
  }

  async #soon(ms: number): Promise<Frame> {
    const late = new AbortController();
    const silence = sleep(ms, undefined, { signal: late.signal }).then(() => {
      throw new CellaError('CONNECTION_LOST', `the other side said nothing for ${ms / 1000} seconds`);
    });
    const next = this.#next();
    try {
      return await Promise.race([next, silence]);
    } finally {
      late.abort();
      // Whichever was not waited for.
      next.catch(() => undefined);
      silence.catch(() => undefined);
    }
  }

  async #putAll(kind: number, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.byteLength; at += LONGEST_PIECE) {
        const part = piece.subarray(at, at + LONGEST_PIECE);
        await this.#put(kind, part);
        await this.#hold(part.byteLength);
      }
    }
  }

  async #put(kind: number, bytes: Uint8Array): Promise<void> {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32BE(bytes.byteLength);
    header.writeUInt8(kind, 4);
    if (this.#isOver()) throw await this.#gone();
    this.#output.write(header);
    this.sent += HEADER + bytes.byteLength;
    if (bytes.byteLength === 0 || this.#output.write(bytes)) return;
    if (!this.#isOver()) await drained(this.#output).catch(() => undefined);
    if (this.#isOver()) throw await this.#gone();
  }

  async #hold(bytes: number): Promise<void> {
    if (this.#limit === undefined) return;
    const now = Date.now();
    this.#due = Math.max(this.#due, now) + (bytes / this.#limit) * 1000;
    if (this.#due - now > 20) await sleep(this.#due - now);
  }
}

function failureIn(bytes: Buffer): CellaError | undefined {
  const message = JSON.parse(bytes.toString()) as Message | null;
  return message?.type === 'failed' ? failureOf(message) : undefined;
}

async function* framesOf(input: Readable): AsyncGenerator<Frame> {
  const taken = new Taken(input);
  for (;;) {
    const header = await taken.take(HEADER);
    if (!header) return;
    const [length, kind] = [header.readUInt32BE(), header.readUInt8(4)];
    if (length > (kind === KIND.message ? LONGEST_MESSAGE : LONGEST_PIECE)) throw broken();
    const bytes = length === 0 ? Buffer.alloc(0) : await taken.take(length);
    if (!bytes) return;
    yield { kind, bytes };
  }
}

class Taken {
  readonly #source: AsyncIterator<Buffer>;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(input: Readable) {
    this.#source = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** So many bytes; undefined: there are fewer. */
  async take(count: number): Promise<Buffer | undefined> {
    while (this.#length < count) {
      // A connection that breaks is one that ends.
      const next = await this.#source.next().catch(() => undefined);
      if (!next || next.done) return undefined;
      this.#parts.push(next.value);
      this.#length += next.value.length;
    }
    const all = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = all.length === count ? [] : [all.subarray(count)];
    this.#length = all.length - count;
    return all.subarray(0, count);
  }
}

const broken = (): CellaError =>
  new CellaError('CONNECTION_LOST', 'the other side says what is no message of a migration');
