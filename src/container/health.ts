/** Whether a restored container is well, where CRIU only says that it is there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError } from '../errors.js';
import { findCgroup } from '../host/cgroup/index.js';
import { saveGroups } from '../host/cgroup/tree.js';
import { readOf } from '../host/guest-processes.js';
import type { DumpHeader } from '../state/dump.js';
import type { RuntimeRecord } from '../state/record.js';

const LOOK_MS = 250;
const LOOKS = 4;
/** Of the time: an init that is woken for ever by what it cannot read takes all of it. */
const BUSY = 0.8;
const TICKS_PER_MS = 100 / 1000;

/** Throws where its init is gone or does nothing but run, or where limits that its guest had made are other ones. */
export async function expectWell(
  init: number,
  { cgroups }: RuntimeRecord,
  header: DumpHeader,
): Promise<void> {
  const { v2 } = findCgroup(cgroups);
  if (v2 !== null) expectLimits(v2, header);
  for (let look = 0; look < LOOKS; look += 1) {
    const before = ticksOf(init);
    await sleep(LOOK_MS);
    if (ticksOf(init) - before < LOOK_MS * TICKS_PER_MS * BUSY) return;
  }
  throw new CellaError('MIGRATION_FAILED', 'its init does nothing but run since it was restored');
}

function expectLimits(v2: string, header: DumpHeader): void {
  const now = new Map(saveGroups(v2).map((group) => [group.path, group]));
  for (const { path, limits } of header.groups) {
    const found = now.get(path)?.limits;
    for (const [file, value] of Object.entries(limits))
      if (found?.[file] !== value)
        throw new CellaError(
          'MIGRATION_FAILED',
          `limit '${file}' of its group '${path}' is another one since`,
        );
  }
}

/** Of processor time: hundredths of a second (proc_pid_stat(5), utime and stime). */
function ticksOf(pid: number): number {
  const stat = readOf(pid, 'stat');
  if (stat === undefined) throw new CellaError('MIGRATION_FAILED', 'its init ended when it was restored');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
