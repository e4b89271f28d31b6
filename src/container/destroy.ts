/** destroy: the private area is gone, the config kept aside as CTID.conf.destroyed. */
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { Ctid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import { removeMountPoint } from '../host/mounts.js';
import { removeArea } from '../host/storage/index.js';
import { removeConsoleLog } from '../state/console-log.js';
import { removeDump } from '../state/dump.js';
import { forgetTraffic } from '../state/traffic.js';
import { setScriptsAside } from './action-files.js';
import { condemnedArea } from './area.js';
import { type Context, loadConfig, lockContainer } from './context.js';
import { dropKept } from './kept-area.js';
import { unlinkName } from './names.js';
import { expectStopped, expectUnmounted, recover, unmarkRebooting } from './recover.js';
import { expectNoViews } from './snapshot-mount.js';
import { dumpOf } from './suspended.js';

export async function destroy(context: Context, ctid: Ctid, signal?: AbortSignal): Promise<void> {
  using _lock = await lockContainer(context, ctid, 'destroy', signal);
  await recover(context, ctid);
  if ((await dropKept(context, ctid)) && !existsSync(context.paths.config(ctid))) return;
  await destroyLocked(context, ctid);
}

/** With the container's lock held. */
export async function destroyLocked(context: Context, ctid: Ctid): Promise<void> {
  const config = loadConfig(context, ctid);
  expectStopped(context, ctid);
  expectUnmounted(config);
  expectNoViews(context, ctid);
  const path = context.paths.config(ctid);
  const condemned = condemnedArea(config.privateArea);
  context.report({ type: 'removing', ctid, privateArea: config.privateArea });
  unmarkRebooting(context, ctid);
  removeConsoleLog(context.paths.consoleLog(ctid));
  forgetTraffic(context.paths.traffic(ctid));
  removeDump(dumpOf(context, ctid));
  // From here on recover() carries it through, whoever comes next.
  if (existsSync(config.privateArea)) await rename(config.privateArea, condemned);
  faultPoint('destroy.condemned');
  if (config.name !== undefined) unlinkName(context, ctid, config.name);
  setScriptsAside(context, ctid);
  await rename(path, `${path}.destroyed`);
  faultPoint('destroy.renamed');
  await removeArea(condemned);
  removeMountPoint(config.root);
}
