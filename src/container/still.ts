/** A container that does nothing for a moment. */
import type { Ctid } from '../config/ctid.js';
import { faultPoint } from '../fault.js';
import { findCgroup } from '../host/cgroup/index.js';
import { withFrozen } from '../host/freeze.js';
import { readRecord } from '../state/record.js';
import type { Context } from './context.js';
import { findInit } from './recover.js';

/** Runs `work` while no process of the container does anything. */
export async function standingStill<T>(context: Context, ctid: Ctid, work: () => Promise<T>): Promise<T> {
  using init = findInit(context, ctid);
  const record = readRecord(context.paths.record(ctid));
  if (!init || !record) return await work();
  return await withFrozen(findCgroup(record.cgroups).cgroup, async () => {
    faultPoint('snapshot.frozen');
    return work();
  });
}
