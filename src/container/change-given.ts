/** set of devices, directories and interfaces of the host: at once in a running container, where the kernel can. */
import { writeFileSync } from 'node:fs';
import type { ContainerConfig } from '../config/container-config.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { enter, NO_STDIO } from '../host/launcher.js';
import { ProcessHandle } from '../host/processes.js';
import { type DevicePlace, planCgroup } from '../plan/cgroup.js';
import { confinementOf } from '../plan/confinement.js';
import { accessLine, type DeviceAccess } from '../plan/device-policy.js';
import { accessOf, type Given, type GivenNode, NOTHING } from '../plan/equipment.js';
import { type Change, planChange } from '../plan/plan-start.js';
import { type RuntimeRecord, confinementOf as startedWith, writeRecord } from '../state/record.js';
import { withUndo } from '../undo.js';
import type { Context } from './context.js';
import { gather, isLimited } from './given.js';
import { giveInterfaces, takeBackInterfaces } from './interfaces.js';
import type { Running } from './recover.js';

/** Keys whose change is seen to here. */
export const GIVEN_KEYS = [
  'BINDMOUNT',
  'CAPABILITY',
  'DEVICES',
  'DEVNODES',
  'FEATURES',
  'NETDEV',
  'PCI',
] as const;

export async function changeGiven(
  context: Context,
  config: ContainerConfig,
  running: Running,
): Promise<void> {
  const before = running.record.given ?? NOTHING;
  const after = await gather(context, config);
  await withUndo(async (undo) => {
    let { record } = running;
    if (hasNodes(before, after)) {
      await changeNodes(context, config, running, before, after);
      undo.push('change devices', () => changeNodes(context, config, running, after, before));
    }
    const had = record.links?.interfaces.map(({ name }) => name) ?? [];
    const added = after.interfaces.filter((name) => !had.includes(name));
    if (added.length > 0) {
      undo.push('give network interfaces', async () => {
        record = await takeBackInterfaces(context, record, added);
      });
      record = await giveInterfaces(context, record, running.init.pid, added);
    }
    const removed = had.filter((name) => !after.interfaces.includes(name));
    if (removed.length > 0) record = await takeBackInterfaces(context, record, removed);
    faultPoint('set.given');
    writeRecord(context.paths.record(record.ctid), { ...record, given: after });
  });
  warnOfLater(context, config, running.record);
}

function hasNodes(before: Given, after: Given): boolean {
  const part = ({ nodes, access, binds }: Given): string => JSON.stringify([nodes, access, binds]);
  return part(before) !== part(after);
}

async function changeNodes(
  context: Context,
  config: ContainerConfig,
  { init }: Running,
  before: Given,
  after: Given,
): Promise<void> {
  const facts = context.facts();
  const { devices } = planCgroup(facts.cgroups, facts.cgroupGroup, config.ctid, config);
  const changed = <T>(from: readonly T[], to: readonly T[]): readonly T[] =>
    to.filter((item) => !from.some((other) => JSON.stringify(other) === JSON.stringify(item)));
  const path = ({ name }: GivenNode): string => `/dev/${name}`;
  const isLimitedNow = isLimited(config, before) || isLimited(config, after);
  const change: Change = {
    add: { nodes: changed(before.nodes, after.nodes), binds: changed(before.binds, after.binds) },
    remove: [
      ...changed(after.nodes, before.nodes).map(path),
      ...changed(after.binds, before.binds).map(({ target }) => target),
    ],
    access: isLimitedNow ? accessOf(after) : null,
  };
  if (devices?.version === 1) writeAccess(devices, accessOf(before), accessOf(after));
  const plan = planChange(config, facts, init.pid, change);
  try {
    const born = await enter(plan, NO_STDIO, init);
    using helper = new ProcessHandle(born.pid, born.pidfd);
    await helper.wait();
  } catch (error) {
    if (devices?.version === 1) writeAccess(devices, accessOf(after), accessOf(before));
    // The program that was put in place first allows what is not there: the old one takes its place again.
    else if (change.access) await restore();
    throw error;
  }

  async function restore(): Promise<void> {
    const access = accessOf(before);
    const born = await enter(
      planChange(config, facts, init.pid, { add: NOTHING, remove: [], access }),
      NO_STDIO,
      init,
    );
    using helper = new ProcessHandle(born.pid, born.pidfd);
    await helper.wait();
  }
}

/** What is allowed goes from the outer group in, what is denied the kernel takes away further in by itself. */
function writeAccess(
  { path, processes }: Extract<DevicePlace, { version: 1 }>,
  before: readonly DeviceAccess[],
  after: readonly DeviceAccess[],
): void {
  const lines = after.map(accessLine);
  try {
    for (const line of before.map(accessLine).filter((at) => !lines.includes(at)))
      writeFileSync(`${path}/devices.deny`, line);
    for (const line of lines)
      for (const group of [path, processes]) writeFileSync(`${group}/devices.allow`, line);
  } catch (cause) {
    throw new CellaError('DEVICE_FAILED', `cannot change what '${path}' allows`, { cause });
  }
}

/** A running process keeps its filter and its clocks. */
function warnOfLater(context: Context, config: ContainerConfig, record: RuntimeRecord): void {
  const [now, then] = [startedWith(record), confinementOf(config)];
  const later = [
    ...(now.nesting === then.nesting ? [] : ['nesting']),
    ...(now.time === then.time ? [] : ['time']),
  ];
  if (later.length === 0) return;
  const message = `from the next start on: ${later.join(', ')}`;
  context.report({ type: 'warning', ctid: config.ctid, message });
}
