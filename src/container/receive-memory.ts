/** Images of a container that comes from another host: of its memory, while it still runs there, and of all the rest. */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import type { ReadyFilter } from '../host/ready-filter.js';
import { receiveImages } from '../migrate/images.js';
import type { Link } from '../migrate/link.js';
import { MOST_ROUNDS } from '../migrate/memory-rounds.js';
import type { Message } from '../migrate/messages.js';
import { imagesOf, memoryOf, removeDump } from '../state/dump.js';
import type { Context } from './context.js';
import { comingOf } from './suspended.js';

/** By which CRIU finds the images that others build upon. */
const PARENT = 'parent';

/** The first round begins anew. They are below the others, and readable: root of the container looks for them too. */
export async function receiveMemory(
  context: Context,
  link: Link,
  ctid: Ctid,
  { round }: Extract<Message, { readonly type: 'memory' }>,
): Promise<void> {
  const images = round === 1 ? makeImages(context, ctid) : imagesOf(comingOf(context, ctid));
  expectRounds(images, round - 1);
  const directory = memoryOf(images, round);
  mkdirSync(directory, { mode: 0o755 });
  await receiveImages(link, directory);
  if (round > 1) symlinkSync(`../${memoryOf('', round - 1).slice(1)}`, `${directory}/${PARENT}`);
  faultPoint('receive.memory');
}

interface Last {
  readonly ctid: Ctid;
  readonly rounds: number;
  readonly unpacks: ReadyFilter | undefined;
}

/** Those of the last dump, which builds upon so many rounds; returns their directory. */
export async function receiveLast(
  context: Context,
  link: Link,
  { ctid, rounds, unpacks }: Last,
): Promise<string> {
  const images = rounds === 0 ? makeImages(context, ctid) : imagesOf(comingOf(context, ctid));
  expectRounds(images, rounds);
  await receiveImages(link, images, unpacks);
  if (rounds > 0) symlinkSync(memoryOf('.', rounds), `${images}/${PARENT}`);
  return images;
}

function makeImages(context: Context, ctid: Ctid): string {
  const directory = comingOf(context, ctid);
  const images = imagesOf(directory);
  removeDump(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(images, { mode: 0o711 });
  return images;
}

/** What the other side counts is what is here. */
function expectRounds(images: string, rounds: number): void {
  const isSound = Number.isInteger(rounds) && rounds >= 0 && rounds <= MOST_ROUNDS;
  if (
    isSound &&
    (rounds === 0 || existsSync(memoryOf(images, rounds))) &&
    !existsSync(memoryOf(images, rounds + 1))
  )
    return;
  throw new CellaError('MIGRATION_FAILED', `round ${rounds} of its memory is not the last that came`);
}
