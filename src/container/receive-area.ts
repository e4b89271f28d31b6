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
import type { Readiness } from './readiness.js';
import { receiveFiles, sendListing, withStagedRoot } from './receive-files.js';
import { receiveMemory } from './receive-memory.js';

type Of<T extends Message['type']> = Extract<Message, { readonly type: T }>;

export interface Filling {
  readonly config: ContainerConfig;
  readonly area: Area;
  /** From what an earlier one has left. */
  readonly goesOn: boolean;
  readonly ignore: Hello['ignore'];
  /** Begins when the container stands still. */
  readonly readiness: Readiness;
  /** Takes what follows that message. */
  readonly onState: (message: Of<'state'>) => void;
}

/** Returns what comes after its files. */
export async function fill(
  context: Context,
  link: Link,
  { config, area, goesOn, ignore, ...rest }: Filling,
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
      return await fillRoot(context, link, { config: staged, root, ...rest });
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
  {
    config,
    root,
    readiness,
    onState,
  }: Pick<Filling, 'config' | 'readiness' | 'onState'> & { readonly root: string },
): Promise<Of<'state' | 'keep' | 'snapshot'>> {
  for (;;) {
    const message = await expect(link, ['files', 'memory', 'still', 'state', 'keep', 'snapshot']);
    if (message.type === 'still') {
      readiness.begin();
      continue;
    }
    if (message.type === 'state') onState(message);
    if (message.type === 'keep') for (const at of [root, config.privateArea]) await syncFileSystem(at);
    if (message.type === 'snapshot') await settleLinks(context, { ...config, root });
    if (message.type === 'memory') await receiveMemory(context, link, config.ctid, message);
    else if (message.type === 'files') await receiveTree(link, config, root, message);
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
