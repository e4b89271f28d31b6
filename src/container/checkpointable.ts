/** Whether a container can be suspended, and why not: found out without anything being done to it. */
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { findCgroup } from '../host/cgroup/index.js';
import { findCriu } from '../host/criu/find.js';
import { obstaclesIn } from '../host/criu/inspect.js';
import { pidsBelow } from '../host/guest-processes.js';
import { NOTHING } from '../plan/equipment.js';
import { obstacles } from '../plan/plan-start.js';
import { confinementOf, type RuntimeRecord } from '../state/record.js';
import type { Context } from './context.js';
import { recordOfRunning } from './recover.js';
import { planOf } from './start.js';

/** As phrases; as it runs or, where it does not, as it would start. */
export function whyNotCheckpointable(context: Context, ctid: Ctid): readonly string[] {
  const record = recordOfRunning(context, ctid);
  return record ? seenOf(record) : planOf(context, ctid).whyNotCheckpointable;
}

/** The same, and what this host lacks for it. */
export async function checkpointFindings(context: Context, ctid: Ctid): Promise<readonly string[]> {
  const missing = await findCriu().then(
    () => [],
    (error: unknown) => {
      if (error instanceof CellaError) return [error.message];
      throw error;
    },
  );
  return [...missing, ...whyNotCheckpointable(context, ctid)];
}

function seenOf(record: RuntimeRecord): readonly string[] {
  const { v2 } = findCgroup(record.cgroups);
  return [
    ...(v2 === null ? ['this host has no cgroup v2, by which it could stand still'] : []),
    ...obstacles(confinementOf(record), record.given ?? NOTHING),
    ...(v2 !== null && record.init ? obstaclesIn(record.init.pid, pidsBelow(v2)) : []),
  ];
}
