/** Making a template: in a directory aside, then into the cache by one rename. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { takeLock } from '../state/lock.js';
import { type Undo, withUndo } from '../undo.js';
import { cacheDirectory, findTemplate, type Template } from './cache.js';
import type { TemplateManifest } from './manifest.js';

export interface StagingRequest {
  readonly templateDir: string;
  readonly name: string;
  /** For those who find the template locked. */
  readonly verb: 'build' | 'import';
  readonly signal?: AbortSignal | undefined;
}

/** Has `fill` put the layers into a directory of their own; an older template of that name is then replaced. */
export async function stageTemplate(
  { templateDir, name, verb, signal }: StagingRequest,
  fill: (staging: string) => Promise<TemplateManifest>,
): Promise<Template> {
  const cache = cacheDirectory(templateDir);
  // Root's alone: setuid programs of a template are no business of the host's users.
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  using _lock = await takeLock({ directory: `${cache}/.lock`, name, verb, signal });
  await removeStale(cache, name);
  await withUndo(async (undo) => {
    const staging = mkdtempSync(`${cache}/.${name}.`);
    undo.push('stage template', () => rm(staging, { recursive: true, force: true }));
    const manifest = await fill(staging);
    writeFileSync(`${staging}/manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    signal?.throwIfAborted();
    await replace(`${cache}/${name}`, staging, undo);
  });
  return findTemplate(templateDir, name);
}

async function replace(target: string, staging: string, undo: Undo): Promise<void> {
  const old = `${staging}.old`;
  const replaces = existsSync(target);
  if (replaces) {
    renameSync(target, old);
    undo.push('set old template aside', () => renameSync(old, target));
  }
  renameSync(staging, target);
  undo.disarm();
  if (replaces) await rm(old, { recursive: true, force: true });
}

/** What was cut short: with the lock held, nobody else makes this template. */
async function removeStale(cache: string, name: string): Promise<void> {
  const prefix = `.${name}.`;
  for (const entry of readdirSync(cache)) {
    // The rest as mkdtemp(3) makes it, so that `.a.b.XXXXXX` is not taken for one of template `a`.
    const isStale = entry.startsWith(prefix) && /^[A-Za-z0-9]{6}(\.old)?$/.test(entry.slice(prefix.length));
    if (isStale) await rm(`${cache}/${entry}`, { recursive: true, force: true });
  }
}
