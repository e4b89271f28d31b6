/** Making a template: in a directory aside, then into the cache by one rename. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { faultPoint } from '../fault.js';
import { syncFileSystem } from '../host/sync.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { type Lock, takeLock } from '../state/lock.js';
import { withUndo } from '../undo.js';
import { cacheDirectory, findTemplate, type Template } from './cache.js';
import type { TemplateManifest } from './manifest.js';
import { putBack, replaceDirectory } from './replace.js';

/** Holds off whoever would come to use a template of that name, or throws where somebody does already. */
export type Claim = (name: string) => Promise<Disposable>;

export interface StagingRequest {
  readonly templateDir: string;
  readonly name: string;
  /** For those who find the template locked. */
  readonly verb: 'build' | 'import';
  /** Asked for an older one before it is replaced, and before anything is done for that. */
  readonly claim?: Claim | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has `fill` put a template's layers into a directory of its own; an older template of that name is replaced once that
 * is done. When it fails nothing of it stays, and after a kill the next one clears up.
 */
export async function stageTemplate(
  { templateDir, name, verb, claim, signal }: StagingRequest,
  fill: (staging: string) => Promise<TemplateManifest>,
): Promise<Template> {
  using _lock = await lockTemplate(templateDir, name, { verb, signal });
  const cache = cacheDirectory(templateDir);
  await removeStale(cache, name);
  const claimed = async (): Promise<Disposable | undefined> =>
    existsSync(`${cache}/${name}`) ? claim?.(name) : undefined;
  (await claimed())?.[Symbol.dispose]();
  await withUndo(async (undo) => {
    const staging = mkdtempSync(`${cache}/.${name}.`);
    undo.push('stage template', () => rm(staging, { recursive: true, force: true }));
    const manifest = await fill(staging);
    writeFileAtomic(`${staging}/manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`, { durable: false });
    // Containers are made from it at once, and are on the disk sooner than files are by themselves.
    await syncFileSystem(staging);
    faultPoint('template.staged');
    signal?.throwIfAborted();
    using _claim = await claimed();
    replaceDirectory(`${cache}/${name}`, staging, undo);
    undo.disarm();
    faultPoint('template.replaced');
    await removeStale(cache, name);
  });
  return findTemplate(templateDir, name);
}

/** One at a time makes or removes a template. */
export async function lockTemplate(
  templateDir: string,
  name: string,
  { verb, signal }: { readonly verb: string; readonly signal?: AbortSignal | undefined },
): Promise<Lock> {
  const cache = cacheDirectory(templateDir);
  // Root's alone: setuid programs of a template are no business of the host's users.
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  return takeLock({ directory: `${cache}/.lock`, name, verb, signal });
}

/** A new name under which a template is being removed: nobody sees it there, and what stays is cleared up later. */
export function removedName(templateDir: string, name: string): string {
  return `${mkdtempSync(`${cacheDirectory(templateDir)}/.${name}.`)}/removed`;
}

/** What was cut short, with the lock held: nobody else is at work on this template. */
export async function removeStale(cache: string, name: string): Promise<void> {
  const prefix = `.${name}.`;
  // The rest as mkdtemp(3) makes it, so that `.a.b.XXXXXX` is not taken for one of template `a`.
  const stale = readdirSync(cache)
    .filter(
      (entry) => entry.startsWith(prefix) && /^[A-Za-z0-9]{6}(\.old)?$/.test(entry.slice(prefix.length)),
    )
    .map((entry) => `${cache}/${entry}`);
  putBack(`${cache}/${name}`, stale);
  for (const path of stale) await rm(path, { recursive: true, force: true });
}
