/** Has a running guest ask for the addresses of interfaces of which its files say anew that it is to. */
import { isDeepStrictEqual } from 'node:util';
import type { ContainerConfig } from '../config/container-config.js';
import { askCommands } from '../plan/guest/network.js';
import { asks, guestInterfaces } from '../plan/guest/network-edits.js';
import { warn } from './actions.js';
import { managerOf } from './configure.js';
import type { Context } from './context.js';
import { succeeds } from './exec.js';

/** A server of addresses may be slow, or not there: the guest goes on asking by itself, or at its next start. */
const PATIENCE_MS = 20_000;

/** A guest that does not is warned of: it has its files. */
export async function askForAddresses(
  context: Context,
  before: ContainerConfig,
  after: ContainerConfig,
): Promise<void> {
  const known = guestInterfaces(before.network);
  const asking = guestInterfaces(after.network).filter(
    (each) => asks(each) && !known.some((other) => isDeepStrictEqual(each, other)),
  );
  const manager = asking.length > 0 ? await managerOf(context, after) : undefined;
  if (manager === undefined) return;
  for (const { name } of asking)
    if (!(await runAll(context, after, askCommands(manager, name))))
      warn(
        context,
        after.ctid,
        `the guest has not asked for addresses of '${name}'; it will at its next start`,
      );
}

async function runAll(
  context: Context,
  { ctid }: ContainerConfig,
  commands: readonly (readonly string[])[],
): Promise<boolean> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for (const command of commands) if (!(await succeeds(context, ctid, command, signal))) return false;
  return true;
}
