/** What a container that is to go to another host says of itself first, and what keeps it from that. */
import { readFileSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import { isScript } from '../host/script.js';
import { type Hello, PROTOCOL } from '../migrate/messages.js';
import { ACTIONS } from '../plan/action-scripts.js';
import type { DumpHeader } from '../state/dump.js';
import { readSnapshots } from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import { whyNotCheckpointable } from './checkpointable.js';
import { type Context, templateOf } from './context.js';
import { liveFacts } from './live-facts.js';
import type { MigrateOptions } from './migrate.js';
import { suspendedFacts } from './move-suspended.js';
import { expectUnmounted, type Running } from './recover.js';
import { expectNoViews } from './snapshot-mount.js';

export function expectMovable(
  context: Context,
  config: ContainerConfig,
  {
    online = false,
    mode,
    running,
  }: Pick<MigrateOptions, 'online' | 'mode'> & { readonly running: Running | undefined },
): void {
  const { ctid } = config;
  if (mode !== undefined && !online)
    throw new CellaError('BAD_OPTION', 'a mode is for a container that goes with its processes', {
      hint: 'Say --online, too.',
    });
  if (online && !running) throw new CellaError('NOT_RUNNING', `container ${ctid} is not running`);
  if (!running) expectUnmounted(config);
  expectNoViews(context, ctid);
  const [why] = online ? whyNotCheckpointable(context, ctid) : [];
  if (why !== undefined)
    throw new CellaError('MIGRATION_FAILED', `container ${ctid} cannot be moved while it runs: ${why}`, {
      hint: 'Without --online it is stopped for that.',
    });
}

interface Introduced extends MigrateOptions {
  readonly suspended: DumpHeader | undefined;
}

export async function introduce(
  context: Context,
  config: ContainerConfig,
  { online = false, checkOnly = false, keep = false, ignore = [], suspended }: Introduced,
): Promise<Hello> {
  const { ctid, template, layout } = config;
  const path = `${context.paths.configDir}/${ctid}`;
  const scripts = ACTIONS.filter((action) => isScript(`${path}.${action}`));
  return {
    type: 'hello',
    protocol: PROTOCOL,
    ctid,
    config: readText(context.paths.config(ctid)) ?? '',
    scripts: Object.fromEntries(scripts.map((action) => [action, readFileSync(`${path}.${action}`, 'utf8')])),
    template:
      layout.tree === 'plain' || template === undefined
        ? null
        : { name: template, digest: templateOf(context, template).manifest.digest },
    checkOnly,
    keep,
    live: suspended
      ? await suspendedFacts(context, config, suspended)
      : online
        ? await liveFacts(context, config)
        : null,
    suspended: suspended !== undefined,
    snapshots: readSnapshots(config.privateArea).snapshots.length,
    ignore,
  };
}
