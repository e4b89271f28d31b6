/** The copy of a container's files that another host sends, brought up to date as often as it says. */
import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { formatIndex } from '../backup/tree-index.js';
import { walkTree } from '../backup/walk.js';
import type { ContainerConfig } from '../config/container-config.js';
import { mountRoot } from '../host/launcher.js';
import { syncFileSystem } from '../host/sync.js';
import { namesIn, pack, unpacked } from '../migrate/archive.js';
import type { Link } from '../migrate/link.js';
import type { Message } from '../migrate/messages.js';
import { planMount } from '../plan/plan-root.js';
import { bytesOf } from '../template/entry-name.js';
import { TreeWriter } from '../template/tree-writer.js';
import { finishTree, unpackInto } from '../template/unpack.js';
import { contentsOf, releaseContents } from './area.js';
import type { Context } from './context.js';

/** `work` gets the root of a private area that is being made, with the ids that the container sees. */
export async function withStagedRoot<T>(
  context: Context,
  staged: ContainerConfig,
  work: (root: string) => Promise<T>,
): Promise<T> {
  const root = `${context.paths.contents(staged.ctid)}/root`;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  try {
    const unmapped = { ...staged, root, localUid: 0, localGid: 0 };
    await mountRoot(planMount(unmapped, contentsOf(context, staged)));
    return await work(root);
  } finally {
    await releaseContents(context, staged.ctid);
  }
}

/** Tells the sender what is here already. */
export async function sendListing(link: Link, root: string): Promise<void> {
  const { index } = await walkTree(root);
  await link.send({ type: 'listing' });
  await link.sendBytes(pack(Readable.from(formatIndex(index)), Number.POSITIVE_INFINITY));
}

/** What a message `files` announces. */
export async function receiveFiles(
  link: Link,
  root: string,
  { entries, bytes, still }: Extract<Message, { readonly type: 'files' }>,
): Promise<void> {
  const gone = await namesIn(link.bytes());
  const writer = new TreeWriter(root);
  try {
    for (const path of gone) {
      writer.remove(bytesOf(path));
      if (writer.isFull) await writer.flush();
    }
    await writer.flush();
    // A file in use may grow before it is read.
    const limits = { bytes: bytes * 2 + (1 << 30), entries: entries + 2 };
    await unpackInto(writer, unpacked(link.bytes()), { below: 'root', limits });
    await finishTree(writer);
    if (!still) await syncFileSystem(root);
  } finally {
    await writer.settle();
  }
}
