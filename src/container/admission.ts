/** Whether the host has room for one more container, by what vz.conf says of that (ADMISSION, OVERCOMMIT_MEMORY). */
import { readdirSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { type Ctid, parseCtid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { memoryTotal } from '../host/resources.js';
import { type Claim, overcommitted } from '../plan/capacity/admission.js';
import { promisedMemory } from '../plan/capacity/facts.js';
import { ADMISSION, isFree, type Lock, takeLock } from '../state/lock.js';
import { readRecord } from '../state/record.js';
import { warn } from './actions.js';
import { soundConfig } from './capacity.js';
import { type Context, lockDirectory } from './context.js';
import { findInit } from './recover.js';

export interface AdmissionOptions {
  /** What to do about a refusal, beside stopping others and changing vz.conf. */
  readonly advice?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A minute: at boot many start at once, and each holds it for a moment. */
const PATIENCE = { attempts: 3000, pauseMs: 20 };

/**
 * Throws OVERCOMMIT, or warns. What it returns is to be held until there is a record of the container: then two that
 * start at once see each other. Undefined where nobody wants to know.
 */
export async function admit(
  context: Context,
  config: ContainerConfig,
  { advice, signal }: AdmissionOptions = {},
): Promise<Lock | undefined> {
  const { admission } = context.hostConfig();
  if (admission.mode === 'off') return undefined;
  const request = { directory: lockDirectory(context), name: ADMISSION, verb: 'start' };
  const lock = await takeLock({ ...request, patience: PATIENCE, signal });
  try {
    const total = memoryTotal();
    const claims = others(context, config.ctid).map((other) => claimOf(other, total));
    const reason = overcommitted(admission, total, [...claims, claimOf(config, total)]);
    if (reason === undefined) return lock;
    const message = `no room for container ${config.ctid}: ${reason}`;
    if (admission.mode === 'refuse') {
      const others = 'Stop another one, or change ADMISSION or OVERCOMMIT_MEMORY in vz.conf';
      throw new CellaError('OVERCOMMIT', message, { hint: `${others}${advice ? `; ${advice}` : ''}.` });
    }
    warn(context, config.ctid, message);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The same of a container that runs, when it is to have more than it has. */
export async function admitGrowth(
  context: Context,
  { before, after }: { readonly before: ContainerConfig; readonly after: ContainerConfig },
  options: AdmissionOptions,
): Promise<Lock | undefined> {
  const total = memoryTotal();
  const [had, has] = [claimOf(before, total), claimOf(after, total)];
  const grows = (has.limit ?? total) > (had.limit ?? total) || has.promised > had.promised;
  return grows ? admit(context, after, options) : undefined;
}

function claimOf({ ram, guarantee }: ContainerConfig, total: bigint): Claim {
  return { limit: ram, promised: promisedMemory(guarantee, ram, total) };
}

/** Those that run or are being started. A record without an init that nobody works on is left from a killed start. */
function others(context: Context, own: Ctid): readonly ContainerConfig[] {
  return recorded(context)
    .filter((ctid) => ctid !== own && isUp(context, ctid))
    .flatMap((ctid) => soundConfig(context, ctid) ?? []);
}

function isUp(context: Context, ctid: Ctid): boolean {
  const isBegun = readRecord(context.paths.record(ctid))?.init === null;
  if (isBegun && !isFree(lockDirectory(context), String(ctid))) return true;
  // It may have come up in between.
  using init = findInit(context, ctid);
  return init !== undefined;
}

function recorded({ paths }: Context): readonly Ctid[] {
  return readdirSync(paths.runDir).flatMap((file) => {
    const ctid = /^([1-9]\d*)\.json$/.exec(file)?.[1];
    return ctid === undefined ? [] : [parseCtid(ctid)];
  });
}
