/** The end of a conversion, for whoever made it or comes after it was killed. */
import { existsSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ContainerConfig } from '../config/container-config.js';
import { faultPoint } from '../fault.js';
import { removeArea } from '../host/storage/index.js';
import { syncDirectory } from '../state/atomic-file.js';
import { condemnedArea, stagingArea } from './area.js';
import type { Context } from './context.js';

/** Each step may be done already; false where there is nothing to finish. Undecided, it is taken back. */
export async function finishConvert(
  context: Context,
  { ctid, privateArea }: Pick<ContainerConfig, 'ctid' | 'privateArea'>,
): Promise<boolean> {
  const decided = context.paths.converting(ctid);
  const [staging, old] = [stagingArea(privateArea), `${condemnedArea(privateArea)}.old`];
  if (!existsSync(decided)) {
    if (!existsSync(staging) && !existsSync(old)) return false;
    await removeArea(staging);
    await removeArea(old);
    return true;
  }
  if (existsSync(staging)) {
    if (existsSync(privateArea)) renameSync(privateArea, old);
    faultPoint('convert.aside');
    renameSync(staging, privateArea);
    syncDirectory(dirname(privateArea));
  }
  faultPoint('convert.placed');
  renameSync(decided, context.paths.config(ctid));
  syncDirectory(context.paths.configDir);
  faultPoint('convert.done');
  await removeArea(old);
  return true;
}
