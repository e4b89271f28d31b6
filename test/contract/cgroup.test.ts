/** One contract for control groups of every kind that this host has: v1 alone, and v2 or the two together. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cgroup, openCgroup, probeCgroups } from '../../src/host/cgroup/index.js';
import { delegate } from '../../src/host/cgroup/systemd.js';
import { readMounts } from '../../src/host/mounts.js';
import { type CgroupMounts, type CgroupPlan, planCgroup, planDevices } from '../../src/plan/cgroup.js';

const host = probeCgroups(readMounts());
const kinds: readonly (readonly [string, CgroupMounts])[] = [
  ...(Object.keys(host.v1).includes('memory') ? [['v1 alone', { ...host, v2: null }] as const] : []),
  ...(host.v2 ? [['as mounted here', host] as const] : []),
];

const GROUP = 'contract';
const LIMITS = { ram: 64n << 20n, swap: undefined, numproc: 30n };

describe.each(kinds)('control groups, %s', (_, mounts) => {
  let plan: CgroupPlan;
  let cgroup: Cgroup;
  let member: ChildProcess;

  beforeEach(async () => {
    plan = planCgroup(mounts, GROUP, 101, LIMITS);
    if (plan.delegation) await delegate(plan.delegation);
    for (const step of [...plan.make, ...planDevices(plan.devices, null), ...plan.limits]) {
      if (step.op === 'makeCgroup') mkdirSync(step.path, { recursive: true });
      if (step.op === 'enable')
        writeFileSync(step.path, step.controllers.map((name) => `+${name}`).join(' '));
      if (step.op === 'writeFile') writeFileSync(step.path, step.value);
    }
    member = spawn('sleep', ['1000']);
    for (const directory of plan.directories) writeFileSync(`${directory}/cgroup.procs`, String(member.pid));
    cgroup = openCgroup(plan);
  });

  afterEach(async () => {
    await cgroup.kill();
    await cgroup.remove();
    for (const directory of plan.directories) rmdirSync(directory.replace(/\/101$/, ''));
  });

  it('lists its processes and counts them', () => {
    expect(cgroup.pids()).toEqual([member.pid]);
    expect(cgroup.stats()).toMatchObject({ processes: 1, processFailures: 0, memoryFailures: 0 });
    expect(cgroup.stats().memory).toBeTypeOf('bigint');
  });

  it('freezes and thaws', async () => {
    expect(cgroup.isFrozen()).toBe(false);
    await cgroup.freeze();
    expect(cgroup.isFrozen()).toBe(true);
    await cgroup.thaw();
    expect(cgroup.isFrozen()).toBe(false);
  });

  it('kills, even what is frozen', async () => {
    await cgroup.freeze();
    const ended = once(member, 'exit');
    await cgroup.kill();
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(cgroup.pids()).toEqual([]);
  });

  it('holds the limits that were written', () => {
    const read = (file: string): string | undefined =>
      plan.directories
        .map((at) => `${at}/${file}`)
        .filter(existsSync)
        .map((path) => readFileSync(path, 'utf8').trim())[0];
    expect(read('pids.max')).toBe('30');
    expect(read('memory.max') ?? read('memory.limit_in_bytes')).toBe(String(64 << 20));
  });

  it('removes everything, and is content when it is gone', async () => {
    await cgroup.kill();
    await cgroup.remove();
    expect(plan.directories.filter(existsSync)).toEqual([]);
    await cgroup.kill();
    await cgroup.remove();
    for (const directory of plan.directories) mkdirSync(directory);
  });
});
