/** The guest that stays: booted when first needed, there at once afterwards, gone after a while without a session. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { takeLock } from '../../src/state/lock.js';
import { readText } from '../../src/state/text-file.js';
import { Guest } from './guest.js';
import type { Image } from './image.js';
import { cacheDirectory } from './places.js';
import { makeProjectDisk, packagesHash } from './project-disk.js';

const IDLE_MINUTES = 30;

function keptDirectory(): string {
  return `${cacheDirectory()}/kept`;
}

/** What it was booted from. */
function originOf(image: Image): string {
  return `${image.hash} ${packagesHash()}`;
}

export async function keptGuest(image: Image): Promise<Guest> {
  const directory = keptDirectory();
  using _lock = await takeLock({ directory: cacheDirectory(), name: 'kept', verb: 'boot' });
  const running = await Guest.find({ number: 1, directory, image });
  if (running && readText(`${directory}/origin`) === originOf(image)) return running;
  if (running) console.error('vm: the guest that runs is of an older image or older packages: booting anew');
  await running?.stop();
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  console.error(`vm: booting; the guest stays until "npm run vm:stop", or ${IDLE_MINUTES} idle minutes`);
  const projectDisk = await makeProjectDisk(directory);
  const guest = await Guest.boot({
    number: 1,
    image,
    projectDisk,
    directory,
    life: { idleMinutes: IDLE_MINUTES },
  });
  writeFileSync(`${directory}/origin`, originOf(image));
  return guest;
}

/** False when none was running. */
export async function stopKept(): Promise<boolean> {
  const directory = keptDirectory();
  const guest = await Guest.find({ number: 1, directory, image: { hash: '', directory: '' } });
  await guest?.stop();
  rmSync(directory, { recursive: true, force: true });
  return guest !== undefined;
}
