/** Network interfaces of this host in a container's network namespace, and back. */
import { closeSync, existsSync, openSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError, isErrno } from '../errors.js';
import { native } from '../native/binding.js';
import { umountAll } from './mounts.js';
import { run } from './run.js';

const OWN = '/proc/self/ns/net';
const WAIT_MS = 5000;

/** The network namespace of a container's new process, once it has made it: that is its first step. */
export async function networkOf(pid: number): Promise<string> {
  const space = `/proc/${pid}/ns/net`;
  for (let waited = 0; readlinkSync(space) === readlinkSync(OWN); waited += 1) {
    if (waited > WAIT_MS) throw new CellaError('NETDEV_FAILED', 'the container has no network of its own');
    await sleep(1);
  }
  return space;
}

/** Mounts it at `path`, so that it stays when its processes are gone. */
export async function keepNamespace(path: string, pid: number): Promise<void> {
  const space = await networkOf(pid);
  writeFileSync(path, '', { mode: 0o600 });
  // Where a host shares its mounts, containers that start now would have it too.
  await run(['mount', '--bind', '--make-private', space, path]);
}

/** Nothing of it left is fine. */
export async function dropNamespace(path: string): Promise<void> {
  if (!existsSync(path)) return;
  await umountAll(path);
  rmSync(path, { force: true });
}

/** Returns its index in the namespace. Fails with NETDEV_FAILED. */
export async function giveInterface(namespace: string, name: string): Promise<number> {
  try {
    return await move(OWN, namespace, 0, name);
  } catch (cause) {
    const why = isErrno(cause, 'ENODEV')
      ? 'this host has no such interface'
      : isErrno(cause, 'EINVAL')
        ? 'it cannot leave its network'
        : ((cause as NodeJS.ErrnoException).code ?? String(cause));
    throw new CellaError('NETDEV_FAILED', `cannot give away network interface '${name}': ${why}`, { cause });
  }
}

/** False when it is gone, or another one has taken its name. `index`: null for one that may not have come yet. */
export async function takeBackInterface(
  namespace: string,
  { name, index }: { readonly name: string; readonly index: number | null },
): Promise<boolean> {
  try {
    await move(namespace, OWN, index ?? 0, name);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENODEV', 'EEXIST')) return false;
    throw error;
  }
}

async function move(from: string, to: string, index: number, name: string): Promise<number> {
  const [source, target] = [openSync(from, 'r'), openSync(to, 'r')];
  try {
    return await native().moveLink(source, target, index, name);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}
