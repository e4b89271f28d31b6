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
import type { Chain } from '../plan/image.js';
import { type Contents, withLiveContents, withSnapshotContents, withStillContents } from './contents.js';
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
  /** All of it is known by what it holds: when it has changed may be of another tree. */
  #exact = false;
  /** What was read last. */
  #known: TreeIndex;

  constructor(context: Context, config: ContainerConfig, link: Link, there: TreeIndex) {
    this.#context = context;
    this.#config = config;
    this.#link = link;
    this.#there = there;
    this.#known = there;
  }

  /** From what the other side has of an earlier try: it says so now. */
  async goOn(): Promise<void> {
    await expect(this.#link, ['listing']);
    const parts: Uint8Array[] = [];
    for await (const piece of unpacked(this.#link.bytes())) parts.push(piece);
    this.#there = parseIndex(Buffer.concat(parts));
    this.#exact = true;
  }

  /** Has it have what a snapshot holds. */
  async snapshot(chain: Chain, signal: AbortSignal | undefined): Promise<void> {
    await withSnapshotContents(this.#context, this.#config, chain, (contents) =>
      this.#send(contents, { still: true, signal }),
    );
    this.#exact = true;
  }

  /** Has the other side have what is here now. */
  async round({ still = false, signal, progress }: RoundOptions = {}): Promise<Round> {
    // What is written by way of memory counts as changed only from its next write to the disk on (msync(2), NOTES).
    if (!still) await run(['sync', '--file-system', this.#config.privateArea]);
    const view = still ? withStillContents : withLiveContents;
    return view(this.#context, this.#config, (contents) => this.#send(contents, { still, signal, progress }));
  }

  async #send({ place }: Contents, { still, signal, progress }: RoundOptions): Promise<Round> {
    const { index: tree } = await walkTree(`${place}/root`, { known: this.#known, live: !still, signal });
    const there = this.#exact ? knownBy(this.#there, tree) : this.#there;
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
    this.#known = tree;
    this.#exact = false;
    this.rounds.push(round);
    return round;
  }
}
