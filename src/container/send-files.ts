/** A container's files on their way to another host: all of them at first, then what has changed, until little has. */
import { parseIndex, type TreeIndex } from '../backup/tree-index.js';
import { walkTree } from '../backup/walk.js';
import { tarFiles } from '../backup/write.js';
import type { ContainerConfig } from '../config/container-config.js';
import { run } from '../host/run.js';
import { namesOut, pack, unpacked } from '../migrate/archive.js';
import { changesSince, countStored, knownBy, removalsOf } from '../migrate/changes.js';
import type { Link } from '../migrate/link.js';
import { expect } from '../migrate/messages.js';
import { type Contents, withLiveContents, withStillContents } from './contents.js';
import type { Context } from './context.js';

export interface Round {
  readonly files: number;
  /** Of files. */
  readonly bytes: number;
}

export interface RoundOptions {
  /** Nothing changes them any more. */
  readonly still?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Is told of bytes of the archive. */
  readonly progress?: ((bytes: number, total: number) => void) | undefined;
}

export class FileSender {
  readonly #context: Context;
  readonly #config: ContainerConfig;
  readonly #link: Link;
  readonly rounds: Round[] = [];
  /** What the other side has. */
  #there: TreeIndex;
  /** The same, of an earlier try: when it has changed there says nothing of here. */
  #left: TreeIndex | undefined;

  constructor(context: Context, config: ContainerConfig, link: Link, there: TreeIndex) {
    this.#context = context;
    this.#config = config;
    this.#link = link;
    this.#there = there;
  }

  /** From what the other side has of an earlier try: it says so now. */
  async goOn(): Promise<void> {
    await expect(this.#link, ['listing']);
    const parts: Uint8Array[] = [];
    for await (const piece of unpacked(this.#link.bytes())) parts.push(piece);
    this.#left = parseIndex(Buffer.concat(parts));
  }

  /** Has the other side have what is here now. */
  async round({ still = false, signal, progress }: RoundOptions = {}): Promise<Round> {
    // What is written by way of memory counts as changed only from its next write to the disk on (msync(2), NOTES).
    if (!still) await run(['sync', '--file-system', this.#config.privateArea]);
    const view = still ? withStillContents : withLiveContents;
    return view(this.#context, this.#config, (contents) => this.#send(contents, { still, signal, progress }));
  }

  async #send({ place }: Contents, { still, signal, progress }: RoundOptions): Promise<Round> {
    const { index: tree } = await walkTree(`${place}/root`, { known: this.#there, live: !still, signal });
    const there = this.#left ? knownBy(this.#left, tree) : this.#there;
    const changes = changesSince(there, tree);
    const round = countStored(changes);
    await this.#link.send({ type: 'files', entries: round.files, bytes: round.bytes, still });
    await this.#link.sendBytes(namesOut(removalsOf(there, tree)));
    let sent = 0;
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of tarFiles(changes, place, !still)) {
        signal?.throwIfAborted();
        sent += piece.byteLength;
        progress?.(Math.min(sent, round.bytes), round.bytes);
        yield piece;
      }
    };
    await this.#link.sendBytes(pack(counted()));
    await expect(this.#link, ['done']);
    this.#there = tree;
    this.#left = undefined;
    this.rounds.push(round);
    return round;
  }
}
