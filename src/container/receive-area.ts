/** The private area of a container that comes from another host: filled as that says, one snapshot after the other. */
import { mkdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { faultPoint } from '../fault.js';
import type { Area } from '../host/storage/index.js';
import { syncFileSystem } from '../host/sync.js';
import type { Link } from '../migrate/link.js';
import { expect, type Hello, type Message } from '../migrate/messages.js';
import { ownMounts } from '../plan/equipment.js';
import { storeOf } from './area.js';
import type { Context } from './context.js';
import { dropKept, takeKept } from './kept-area.js';
import { settleLinks } from './links.js';
import { receiveSnapshot } from './move-snapshots.js';
import { receiveFiles, sendListing, withStagedRoot } from './receive-files.js';
import { receiveMemory } from './receive-memory.js';

export interface Filling {
  readonly config: ContainerConfig;
  readonly area: Area;
  /** From what an earlier one has left. */
  readonly goesOn: boolean;
  readonly ignore: Hello['ignore'];
}

type Of<T extends Message['type']> = Extract<Message, { readonly type: T }>;

/** Returns what comes after its files. */
export async function fill(
  context: Context,
  link: Link,
  { config, area, goesOn, ignore }: Filling,
): Promise<Of<'state' | 'keep'>> {
  if (goesOn) takeKept(context, config, area.path);
  else {
    await dropKept(context, config.ctid);
    await storeOf(config).create(area);
  }
  await storeOf(config).prepare(area);
  const staged = { ...config, privateArea: area.path };
  for (let tells = goesOn; ; tells = false) {
    const message = await withStagedRoot(context, staged, async (root) => {
      if (tells) await sendListing(link, root);
      return await fillRoot(context, link, staged, root);
    });
    if (message.type !== 'snapshot') return message;
    await receiveSnapshot(context, link, staged, { message, ignore });
    faultPoint('receive.snapshot');
    await link.send({ type: 'done' });
  }
}

async function fillRoot(
  context: Context,
  link: Link,
  staged: ContainerConfig,
  root: string,
): Promise<Of<'state' | 'keep' | 'snapshot'>> {
  for (;;) {
    const message = await expect(link, ['files', 'memory', 'state', 'keep', 'snapshot']);
    if (message.type === 'keep') for (const at of [root, staged.privateArea]) await syncFileSystem(at);
    if (message.type === 'snapshot') await settleLinks(context, { ...staged, root });
    if (message.type === 'memory') await receiveMemory(context, link, staged.ctid, message);
    else if (message.type === 'files') await receiveTree(link, staged, root, message);
    else return message;
    faultPoint('receive.files');
    await link.send({ type: 'done' });
  }
}

async function receiveTree(
  link: Link,
  { privateArea }: ContainerConfig,
  root: string,
  message: Of<'files'>,
): Promise<void> {
  const own = ownMounts(privateArea);
  if (message.tree === 'mnt') mkdirSync(own, { recursive: true, mode: 0o755 });
  await receiveFiles(link, message.tree === 'mnt' ? own : root, message);
}
