/** What every new container is made by: ids of its own, then its files, or nothing. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { getSettings, parseConfig } from '../config/grammar.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { type Area, removeArea } from '../host/storage/index.js';
import { allocateRange, countRanges, hostRanges, type IdRange, overlaps } from '../host/subordinate-ids.js';
import { ID_COUNT } from '../plan/plan-root.js';
import { syncDirectory, writeFileAtomic } from '../state/atomic-file.js';
import { ALLOCATION, type Lock, takeLock } from '../state/lock.js';
import { parsedOnce, readText } from '../state/text-file.js';
import { withUndo } from '../undo.js';
import { dropScriptsAside } from './action-files.js';
import { areaOf, stagingArea } from './area.js';
import { type Context, lockDirectory } from './context.js';
import { dropKept } from './kept-area.js';
import { linkName } from './names.js';

/** One at a time takes ids and templates. */
export async function lockAllocation(context: Context, verb: string, signal?: AbortSignal): Promise<Lock> {
  return takeLock({
    directory: lockDirectory(context),
    name: ALLOCATION,
    verb,
    signal,
  });
}

export function expectNoArea({ privateArea }: ContainerConfig): void {
  if (existsSync(privateArea))
    throw new CellaError('PRIVATE_EXISTS', `private area '${privateArea}' exists already`);
}

interface Making {
  readonly text: string;
  readonly fill: (area: Area) => Promise<void>;
  /** Called with all in place but the name and the config's own. */
  readonly made?: (() => Promise<void>) | undefined;
  /** What becomes of its files where it fails. Default: they are removed. */
  readonly unmake?: (path: string) => Promise<void>;
}

/** The config names what is made before it is made, and counts only once it all is there. */
export async function makeFiles(
  context: Context,
  config: ContainerConfig,
  { text, fill, made, unmake = removeArea }: Making,
): Promise<void> {
  const { paths } = context;
  const { ctid, privateArea } = config;
  const staging = stagingArea(privateArea);
  await withUndo(async (undo) => {
    undo.push('write config', () => rmSync(paths.creating(ctid), { force: true }));
    writeFileAtomic(paths.creating(ctid), text, { durable: true });
    faultPoint('create.intent');
    undo.push('make private area', () => unmake(staging));
    await fill({ ...areaOf(context, config), path: staging });
    faultPoint('create.staged');
    renameSync(staging, privateArea);
    undo.push('name private area', () => unmake(privateArea));
    faultPoint('create.private');
    await made?.();
    if (config.name !== undefined) {
      const name = config.name;
      linkName(context, ctid, name);
      undo.push('name container', () => rmSync(`${paths.namesDir}/${name}`, { force: true }));
    }
    renameSync(paths.creating(ctid), paths.config(ctid));
    syncDirectory(paths.configDir);
    rmSync(`${paths.config(ctid)}.destroyed`, { force: true });
    dropScriptsAside(context, ctid);
    await dropKept(context, ctid);
    faultPoint('create.done');
  });
}

/** 0: privileged; undefined: any that is free. With the lock held. */
export function chooseRange(context: Context, wanted: number | undefined): number {
  if (wanted === 0) return 0;
  const taken = [...hostRanges(), ...containerRanges(context)];
  if (wanted === undefined) return allocateRange(taken, ID_COUNT);
  if (taken.some((range) => overlaps(range, { start: wanted, count: ID_COUNT }))) {
    throw new CellaError('BAD_VALUE', `user ids ${wanted} to ${wanted + ID_COUNT - 1} are in use`, {
      hint: 'Leave --local_uid out to have a free range chosen.',
    });
  }
  return wanted;
}

/** Ranges of ids that containers could have, and those that none has. */
export function idRanges(context: Context): { readonly free: number; readonly total: number } {
  return countRanges([...hostRanges(), ...containerRanges(context)], ID_COUNT);
}

/** Of every container, those being made too. */
function containerRanges(context: Context): readonly IdRange[] {
  return readdirSync(context.paths.configDir)
    .filter((file) => /^(\d+\.conf|\.\d+\.conf\.creating)$/.test(file))
    .map((file) => `${context.paths.configDir}/${file}`)
    .flatMap((path) => rangesIn(readText(path) ?? '', path));
}

/** Of one config. There may be thousands: only the lines that matter are parsed, and those once. */
const rangesIn = parsedOnce((text): readonly IdRange[] => {
  const lines = text.split('\n').filter((line) => line.includes('LOCAL_'));
  const settings = getSettings(parseConfig(lines.join('\n')));
  return ['LOCAL_UID', 'LOCAL_GID']
    .map((key) => Number(settings.get(key)?.value ?? 0))
    .filter((start) => Number.isInteger(start) && start > 0)
    .map((start) => ({ start, count: ID_COUNT }));
});
