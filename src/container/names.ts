/** Names of containers: a symbolic link each, so that they are unique by themselves. */
import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { type Ctid, isName, parseCtid } from '../config/ctid.js';
import { CellaError, isErrno } from '../errors.js';
import type { Context } from './context.js';

export function linkName(context: Context, ctid: Ctid, name: string): void {
  if (findName(context, name) === ctid) return;
  try {
    symlinkSync(context.paths.config(ctid), `${context.paths.namesDir}/${name}`);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    throw new CellaError(
      'NAME_FAILED',
      `name '${name}' is taken by container ${findName(context, name) ?? 'unknown'}`,
      { cause: error },
    );
  }
}

export function expectNameFree(context: Context, ctid: Ctid, name: string): void {
  const holder = findName(context, name);
  if (holder === undefined || holder === ctid) return;
  throw new CellaError('NAME_FAILED', `name '${name}' is taken by container ${holder}`);
}

export function unlinkName(context: Context, ctid: Ctid, name: string): void {
  if (findName(context, name) === ctid) rmSync(`${context.paths.namesDir}/${name}`, { force: true });
}

/** To the same container under its new id, at once. */
export function relinkName(
  { paths }: Context,
  name: string,
  { from, to }: { readonly from: Ctid; readonly to: Ctid },
): void {
  if (findName({ paths }, name) !== from) return;
  const staging = `${paths.namesDir}/.${name}.new`;
  rmSync(staging, { force: true });
  symlinkSync(paths.config(to), staging);
  renameSync(staging, `${paths.namesDir}/${name}`);
}

/** Whose name it is. */
export function findName(context: Pick<Context, 'paths'>, name: string): Ctid | undefined {
  try {
    return parseCtid(basename(readlinkSync(`${context.paths.namesDir}/${name}`), '.conf'));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EINVAL')) return undefined;
    throw error;
  }
}

/** A CTID, or the container of that name. */
export function resolveContainer(context: Context, idOrName: string | number): Ctid {
  const text = String(idOrName);
  if (/^[-+]?\d+$/.test(text)) return parseCtid(text);
  if (!isName(text))
    throw new CellaError('BAD_VALUE', `'${text.slice(0, 64)}' is neither a container id nor a name`);
  const ctid = findName(context, text);
  if (ctid === undefined) throw new CellaError('NO_CONFIG', `container '${text}' does not exist`);
  return ctid;
}
