/** The files of a container's own action scripts, which go where the container goes; and the script of a creation. */
import { randomUUID } from 'node:crypto';
import { copyFileSync, renameSync, rmSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { isErrno } from '../errors.js';
import { faultPoint } from '../fault.js';
import { bootId } from '../host/processes.js';
import { isScript } from '../host/script.js';
import { ACTIONS } from '../plan/action-scripts.js';
import { removeScriptsRecord, writeScriptsRecord } from '../state/scripts-record.js';
import type { Context } from './context.js';
import { runScriptFile } from './script-run.js';

interface Ids {
  readonly from: Ctid;
  readonly to: Ctid;
}

function scriptsOf({ paths }: Context, ctid: Ctid): readonly string[] {
  return ACTIONS.map((action) => `${paths.configDir}/${ctid}.${action}`);
}

/** Beside the config of the container that was destroyed. */
export function setScriptsAside(context: Context, ctid: Ctid): void {
  for (const path of scriptsOf(context, ctid)) renameIfThere(path, `${path}.destroyed`);
}

/** Those of a former container of that id. */
export function dropScriptsAside(context: Context, ctid: Ctid): void {
  for (const path of scriptsOf(context, ctid)) rmSync(`${path}.destroyed`, { force: true });
}

export function moveScripts(context: Context, { from, to }: Ids): void {
  const targets = scriptsOf(context, to);
  for (const [i, path] of scriptsOf(context, from).entries()) renameIfThere(path, targets[i] ?? '');
}

/** One that is there for the new id already stays. */
export function copyScripts(context: Context, { from, to }: Ids): void {
  const targets = scriptsOf(context, to);
  for (const [i, path] of scriptsOf(context, from).entries()) {
    const target = targets[i] ?? '';
    if (isScript(path) && !isScript(target)) copyFileSync(path, target);
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

/** vps.create: its config has a name of its own until it has ended, and may be changed by it. */
export async function runCreateScript(
  context: Context,
  { ctid, root, privateArea }: ContainerConfig,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { paths } = context;
  const path = `${paths.configDir}/vps.create`;
  if (!isScript(path)) return;
  const token = randomUUID();
  const record = paths.scripts(ctid);
  writeScriptsRecord(record, { version: 1, bootId: bootId(), root, stage: 'create', running: token });
  const subject = { ctid, root, privateArea, config: paths.creating(ctid) };
  try {
    await runScriptFile(context, { name: 'vps.create', path, subject, token, signal });
  } finally {
    removeScriptsRecord(record);
  }
  faultPoint('script.create');
}
