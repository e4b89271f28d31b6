/** A container's files on their way to another host: all of them at first, then what has changed, until little has. */
import { existsSync } from 'node:fs';
import { parseIndex, type TreeIndex } from '../backup/tree-index.js';
import { walkTree } from '../backup/walk.js';
import { tarFiles } from '../backup/write.js';
import type { ContainerConfig } from '../config/container-config.js';
import { syncFileSystem } from '../host/sync.js';
import { namesOut, pack, unpacked } from '../migrate/archive.js';
import { changesSince, countStored, knownBy, removalsOf } from '../migrate/changes.js';
import type { Link } from '../migrate/link.js';
import { expect, type Message } from '../migrate/messages.js';
import { ownMounts } from '../plan/equipment.js';
import type { Chain } from '../plan/image.js';
import {
  type Contents,
  withLiveContents,
  withOwnMounts,
  withSnapshotContents,
  withStillContents,
} from './contents.js';
import type { Context } from './context.js';

type Tree = Extract<Message, { readonly type: 'files' }>['tree'];

export interface Round {
  readonly files: number;
  /** Of files. */
  readonly bytes: number;
}

export interface RoundOptions {
  /** Nothing changes them any more: it is over as soon as the other side has them, and `settled` tells when nothing is open. */
  readonly still?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Is told of bytes of the archive. */
  readonly progress?: ((bytes: number, total: number) => void) | undefined;
}

/** Of a container's root, and of the directories that its bind mounts without a source are. */
export class FileSender {
  readonly #root: TreeSender;
  readonly #own: TreeSender | undefined;
  readonly rounds: Round[] = [];

  constructor(context: Context, config: ContainerConfig, link: Link, there: TreeIndex) {
    const sending = { context, config, link };
    this.#root = new TreeSender(sending, 'root', there);
    if (existsSync(ownMounts(config.privateArea))) this.#own = new TreeSender(sending, 'mnt', new Map());
  }

  /** From what the other side has of an earlier try: it says so now. */
  goOn(): Promise<void> {
    return this.#root.goOn();
  }

  /** Has it have what a snapshot holds. */
  snapshot(chain: Chain, signal: AbortSignal | undefined): Promise<void> {
    return this.#root.snapshot(chain, signal);
  }

  /** Has the other side have what is here now. */
  async round(options: RoundOptions = {}): Promise<Round> {
    await this.settled();
    const root = await this.#root.round(options);
    // They are looked at in one place, one after the other.
    if (this.#own) await this.settled();
    const own = await this.#own?.round(options);
    const round = { files: root.files + (own?.files ?? 0), bytes: root.bytes + (own?.bytes ?? 0) };
    this.rounds.push(round);
    return round;
  }

  /** Nothing of them is looked at any more. */
  async settled(): Promise<void> {
    for (const tree of [this.#root, this.#own]) await tree?.settled();
  }
}

interface Sending {
  readonly context: Context;
  readonly config: ContainerConfig;
  readonly link: Link;
}

class TreeSender {
  readonly #context: Context;
  readonly #config: ContainerConfig;
  readonly #link: Link;
  readonly #tree: Tree;
  /** What the other side has. */
  #there: TreeIndex;
  /** All of it is known by what it holds: when it has changed may be of another tree. */
  #exact = false;
  /** What was read last. */
  #known: TreeIndex;
  #view = Promise.resolve();

  constructor({ context, config, link }: Sending, tree: Tree, there: TreeIndex) {
    this.#tree = tree;
    this.#context = context;
    this.#config = config;
    this.#link = link;
    this.#there = there;
    this.#known = there;
  }

  async goOn(): Promise<void> {
    await expect(this.#link, ['listing']);
    const parts: Uint8Array[] = [];
    for await (const piece of unpacked(this.#link.bytes())) parts.push(piece);
    this.#there = parseIndex(Buffer.concat(parts));
    this.#exact = true;
  }

  async snapshot(chain: Chain, signal: AbortSignal | undefined): Promise<void> {
    await withSnapshotContents(this.#context, this.#config, chain, (contents) =>
      this.#send(contents, { still: true, signal }),
    );
    this.#exact = true;
  }

  async round({ still = false, signal, progress }: RoundOptions = {}): Promise<Round> {
    // What is written by way of memory counts as changed only from its next write to the disk on (msync(2), NOTES).
    if (!still) await syncFileSystem(this.#config.privateArea);
    const view = this.#tree === 'mnt' ? withOwnMounts : still ? withStillContents : withLiveContents;
    return new Promise((resolve, reject) => {
      const work = async (contents: Contents): Promise<Round> => {
        const round = await this.#send(contents, { still, signal, progress });
        if (still) resolve(round);
        return round;
      };
      this.#view = view(this.#context, this.#config, work).then(resolve, reject);
    });
  }

  /** What is left of it in vain goes with the next command. */
  settled(): Promise<void> {
    return this.#view;
  }

  async #send({ place }: Contents, { still, signal, progress }: RoundOptions): Promise<Round> {
    const { index: tree } = await walkTree(`${place}/root`, { known: this.#known, live: !still, signal });
    const there = this.#exact ? knownBy(this.#there, tree) : this.#there;
    const changes = changesSince(there, tree);
    const round = countStored(changes);
    await this.#link.send({
      type: 'files',
      entries: round.files,
      bytes: round.bytes,
      still,
      tree: this.#tree,
    });
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
    await this.#link.sendBytes(pack(counted(), round.bytes));
    await expect(this.#link, ['done']);
    this.#there = tree;
    this.#known = tree;
    this.#exact = false;
    return round;
  }
}
