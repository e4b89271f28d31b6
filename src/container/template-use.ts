/** Which containers are made from which template, and that none is while one goes. */
import { readdirSync } from 'node:fs';
import { getSettings, parseConfig } from '../config/grammar.js';
import { CellaError } from '../errors.js';
import type { Lock } from '../state/lock.js';
import { readText } from '../state/text-file.js';
import type { Context } from './context.js';
import { lockAllocation } from './make.js';

/**
 * Of a template that is to be removed or replaced: overlays would lose their lower layers. With the lock that creating a
 * container takes, so that none comes to use it meanwhile.
 */
export async function claimTemplate(context: Context, name: string, signal?: AbortSignal): Promise<Lock> {
  const lock = await lockAllocation(context, 'change template', signal);
  const users = usesOf(context).get(name) ?? [];
  if (users.length === 0) return lock;
  lock.release();
  const which = `container${users.length > 1 ? 's' : ''} ${users.join(', ')}`;
  throw new CellaError('LOCKED', `template '${name}' is used by ${which}`, {
    hint: 'Destroy what is made from it first, or give the new one another name.',
  });
}

/**
 * Containers by their template, those being made too. From the files themselves: a container whose config is broken
 * elsewhere still needs its template.
 */
export function usesOf(context: Context): ReadonlyMap<string, readonly number[]> {
  const uses = new Map<string, number[]>();
  for (const file of readdirSync(context.paths.configDir)) {
    const ctid = /^\.?([1-9]\d*)\.conf(?:\.creating)?$/.exec(file)?.[1];
    if (ctid === undefined) continue;
    const settings = getSettings(parseConfig(readText(`${context.paths.configDir}/${file}`) ?? ''));
    const template = settings.get('OSTEMPLATE')?.value;
    if (template !== undefined) uses.set(template, [...(uses.get(template) ?? []), Number(ctid)]);
  }
  for (const ctids of uses.values()) ctids.sort((a, b) => a - b);
  return uses;
}
