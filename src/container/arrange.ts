/** What a container that comes from another host is to be here: its config, with what this host has to say of it. */
import { existsSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import type { Ctid } from '../config/ctid.js';
import { formatConfig, getSettings, parseConfig, updateConfig } from '../config/grammar.js';
import { formatLayout, type Layout } from '../config/layout.js';
import { CellaError, firstCoded } from '../errors.js';
import { chooseStore, openStore } from '../host/storage/index.js';
import type { Hello } from '../migrate/messages.js';
import { prepareParent } from './area.js';
import { type Context, hasTemplate, templateOf } from './context.js';
import { chooseRange, expectNoArea } from './make.js';
import { expectNameFree } from './names.js';
import { expectPrivateAddresses } from './network-plan.js';

export interface Arranged {
  readonly text: string;
  readonly config: ContainerConfig;
  /** Its files lie on the same template as there. */
  readonly onTemplate: boolean;
}

export function arrange(context: Context, ctid: Ctid, hello: Hello): Arranged {
  const path = context.paths.config(ctid);
  const saved = parseConfig(hello.config);
  const settings = getSettings(saved);
  const onTemplate = hello.template !== null && hasSame(context, hello.template);
  const range = rangeFor(context, Number(settings.get('LOCAL_UID')?.value));
  const keep = hello.live !== null;
  const own: readonly (readonly [string, string | null])[] = [
    ['VE_ROOT', null],
    ['VE_PRIVATE', null],
    ['LOCAL_UID', String(range)],
    ['LOCAL_GID', String(range)],
    // A private address is one of the host's; only who is using it has to keep it.
    ...(keep ? [] : ([['NAT_ADDRESS', null]] as const)),
    ...(hello.template && !hasTemplate(context, hello.template.name)
      ? ([['OSTEMPLATE', null]] as const)
      : []),
  ];
  const file = updateConfig(saved, new Map(own));
  const without = formatConfig(updateConfig(file, new Map([['VE_LAYOUT', null]])));
  const wished = context.readContainer(ctid, without, path);
  expectNoArea(wished);
  expectSources(wished);
  if (wished.name !== undefined) expectNameFree(context, ctid, wished.name);
  const tree: Layout['tree'] = onTemplate ? 'overlay' : 'plain';
  const parent = prepareParent(wished);
  const { store } = context.readContainer(ctid, formatConfig(file), path).layout;
  const kept = store !== 'auto' && openStore(store).lack(parent) === undefined;
  const layout: Layout = { tree, store: kept ? store : chooseStore(parent, wished.disk) };
  const text = formatConfig(updateConfig(file, new Map([['VE_LAYOUT', formatLayout(layout)]])));
  const config = { ...context.readContainer(ctid, text, path), layout };
  if (keep) expectPrivateAddresses(context, config);
  return { text, config, onTemplate };
}

/** What its bind mounts are of has to be here too. */
function expectSources({ bindmounts }: ContainerConfig): void {
  const missing = bindmounts.find(({ source }) => source !== undefined && !existsSync(source));
  if (!missing) return;
  const { source, target } = missing;
  throw new CellaError('MIGRATION_FAILED', `this host has no '${source}', which is '${target}' in it`, {
    hint: `Make it, or take the bind mount away: vzctl set CTID --bindmount_del ${target} --save`,
  });
}

/** The same ids where nobody else has them; 0: it is privileged. */
function rangeFor(context: Context, wanted: number): number {
  if (!(wanted > 0)) return chooseRange(context, 0);
  try {
    return chooseRange(context, wanted);
  } catch (error) {
    if (firstCoded(error)?.code !== 'BAD_VALUE') throw error;
    return chooseRange(context, undefined);
  }
}

function hasSame(context: Context, { name, digest }: NonNullable<Hello['template']>): boolean {
  return (
    digest !== null && hasTemplate(context, name) && templateOf(context, name).manifest.digest === digest
  );
}
