/** Config and host facts → plan: the same for the same, in an order that holds, on every kind of host. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { parseConfig } from '../../../src/config/grammar.js';
import type { CgroupMounts } from '../../../src/plan/cgroup.js';
import { USUAL } from '../../../src/plan/confinement.js';
import { encodePlan } from '../../../src/plan/encode.js';
import { planMount } from '../../../src/plan/plan-root.js';
import { type HostFacts, planEnter, planStart } from '../../../src/plan/plan-start.js';
import { decodePlan } from '../../helpers/plan-decoder.js';

const V1 = {
  memory: '/cg/memory',
  pids: '/cg/pids',
  freezer: '/cg/freezer',
  cpu: '/cg/cpu',
  devices: '/cg/devices',
  cpuset: '/cg/cpuset',
  blkio: '/cg/blkio',
};
const OURS = { delegation: null, swapV1: false, cpuCount: 4, cpusetV1: { cpus: '0-3', mems: '0' } };
const V2 = { mount: '/cg', controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'] };
const DELEGATION = { unit: 'a.service', slice: 'b.slice', path: 'b.slice/a.service' };
const HOSTS: Readonly<Record<string, CgroupMounts>> = {
  v2: { ...OURS, v2: V2, v1: {} },
  systemd: { ...OURS, delegation: DELEGATION, v2: V2, v1: {} },
  hybrid: { ...OURS, v2: { mount: '/cg/unified', controllers: [] }, v1: V1, swapV1: true },
  v1: { ...OURS, v2: null, v1: V1, swapV1: true },
};

const facts = (cgroups: CgroupMounts): HostFacts => ({ arch: 'x64', cgroups, cgroupGroup: '' });

function configOf(text: string) {
  const names = { host: 'vz.conf', container: '101.conf' };
  return readContainerConfig(parseCtid('101'), parseConfig(''), parseConfig(text), names);
}

const UNPRIVILEGED = configOf(
  'LOCAL_UID="1048576"\nHOSTNAME="a.example"\nPHYSPAGES="16384"\nSWAPPAGES="4096"\nNUMPROC="50"\n',
);
const PRIVILEGED = configOf('LOCAL_UID="0"\n');
const LAYERS = { layers: { node: '', below: [], template: ['/template/b', '/template/a'] } };

const start = (host: string, config = UNPRIVILEGED) =>
  planStart(config, facts(HOSTS[host] as CgroupMounts), LAYERS);
const steps = (plan: ReturnType<typeof start>) => [...plan.outside, ...plan.after, ...plan.inside];

describe('control groups', () => {
  const written = (host: string) =>
    steps(start(host)).flatMap((step) => {
      if (step.op === 'enable') return [`${step.path} has ${step.controllers.join(' ')}`];
      if (step.op === 'writeFile') return [`${step.path} = ${step.value}`];
      return step.op === 'makeCgroup' || step.op === 'joinTasks' || step.op === 'intoCgroup'
        ? [`${step.op} ${step.path}`]
        : [];
    });

  it('on v2: controllers from the top down, then the limits', () => {
    expect(written('v2')).toEqual([
      '/cg/cgroup.subtree_control has memory pids cpu cpuset io',
      'makeCgroup /cg/cella',
      '/cg/cella/cgroup.subtree_control has memory pids cpu cpuset io',
      'makeCgroup /cg/cella/101',
      '/cg/cella/cpu.weight = 400',
      'intoCgroup /cg/cella/101',
      '/cg/cella/101/memory.max = 67108864',
      '/cg/cella/101/memory.swap.max = 16777216',
      '/cg/cella/101/pids.max = 50',
    ]);
  });

  it('on v2 below systemd: nothing is made or changed above what it delegates', () => {
    expect(written('systemd').slice(0, 3)).toEqual([
      '/cg/b.slice/a.service/cgroup.subtree_control has memory pids cpu cpuset io',
      'makeCgroup /cg/b.slice/a.service/101',
      'intoCgroup /cg/b.slice/a.service/101',
    ]);
    expect(start('systemd').cgroup.delegation).toEqual({ ...DELEGATION, mount: '/cg' });
  });

  it('of another root directory have a group of their own', () => {
    const host = { ...facts(HOSTS.systemd as CgroupMounts), cgroupGroup: 'x' };
    expect(planStart(UNPRIVILEGED, host, LAYERS).cgroup.make).toEqual([
      expect.objectContaining({ path: '/cg/b.slice/a.service/cgroup.subtree_control' }),
      { op: 'makeCgroup', path: '/cg/b.slice/a.service/x', parents: 0 },
      expect.objectContaining({ path: '/cg/b.slice/a.service/x/cgroup.subtree_control' }),
      { op: 'makeCgroup', path: '/cg/b.slice/a.service/x/101', parents: 0 },
    ]);
  });

  it('on a hybrid host: v1 for the limits, v2 for everything else', () => {
    expect(written('hybrid')).toEqual([
      'makeCgroup /cg/unified/cella/101',
      'makeCgroup /cg/cpuset/cella',
      '/cg/cpuset/cella/cpuset.cpus = 0-3',
      '/cg/cpuset/cella/cpuset.mems = 0',
      '/cg/cpuset/cella/cgroup.clone_children = 1',
      'makeCgroup /cg/memory/cella/101',
      'makeCgroup /cg/pids/cella/101',
      'makeCgroup /cg/cpu/cella/101',
      'makeCgroup /cg/cpuset/cella/101',
      'makeCgroup /cg/blkio/cella/101',
      '/cg/cpu/cella/cpu.shares = 4096',
      'joinTasks /cg/memory/cella/101/tasks',
      'joinTasks /cg/pids/cella/101/tasks',
      'joinTasks /cg/cpu/cella/101/tasks',
      'joinTasks /cg/cpuset/cella/101/tasks',
      'joinTasks /cg/blkio/cella/101/tasks',
      'intoCgroup /cg/unified/cella/101',
      '/cg/memory/cella/101/memory.limit_in_bytes = 67108864',
      '/cg/memory/cella/101/memory.memsw.limit_in_bytes = 83886080',
      '/cg/pids/cella/101/pids.max = 50',
    ]);
  });

  it('on v1 alone: the freezer too', () => {
    expect(start('v1').cgroup).toMatchObject({
      v2: null,
      directories: ['memory', 'pids', 'cpu', 'cpuset', 'blkio', 'freezer', 'devices'].map(
        (at) => `/cg/${at}/cella/101`,
      ),
    });
    expect(written('v1').filter((at) => at.startsWith('intoCgroup'))).toEqual([]);
  });
});

describe.each(Object.keys(HOSTS))('a start on %s', (host) => {
  const order = (plan: ReturnType<typeof start>) => plan.inside.map(({ op }) => op);

  it('maps ids and mounts with them, unless it is privileged', () => {
    const [mapped, plain] = [start(host), start(host, PRIVILEGED)];
    expect(mapped).toMatchObject({ ids: { uid: 1048576, gid: 1048576, count: 65536 } });
    expect(mapped.namespaces).toEqual(['user', 'mount', 'pid', 'ipc', 'uts']);
    expect(plain.ids).toBeNull();
    expect(plain.namespaces).toEqual(['mount', 'pid', 'ipc', 'uts']);
    for (const [plan, idmapped] of [
      [mapped, true],
      [plain, false],
    ] as const)
      expect(plan.after.at(-1)).toMatchObject({ op: 'overlay', idmapped, lower: LAYERS.layers.template });
  });

  it('hides and confines before it runs anything', () => {
    for (const config of [UNPRIVILEGED, PRIVILEGED]) {
      const ops = order(start(host, config));
      const at = (op: string) => ops.lastIndexOf(op as (typeof ops)[number]);
      expect(ops.slice(-3)).toEqual(['seccomp', 'capabilities', 'exec']);
      expect(ops.indexOf('root')).toBeLessThan(ops.indexOf('mount'));
      for (const last of ['mount', 'attach', 'mask', 'readOnly']) expect(at(last)).toBeLessThan(at('pivot'));
    }
  });

  it('keeps sysctls and its own control group from being written when it is privileged', () => {
    const readOnly = (config: typeof UNPRIVILEGED) =>
      start(host, config).inside.flatMap((step) =>
        step.op === 'readOnly' && !step.writable ? [step.path] : [],
      );
    expect(readOnly(PRIVILEGED)).toContain('/proc/sys');
    expect(readOnly(UNPRIVILEGED)).not.toContain('/proc/sys');
    const group = (config: typeof UNPRIVILEGED) =>
      start(host, config).after.find((step) => step.op === 'source' && step.path.endsWith('/101'));
    if (HOSTS[host]?.v2) expect(group(PRIVILEGED)).toMatchObject({ readOnly: true });
    else expect(group(PRIVILEGED)).toBeUndefined();
  });

  it('hands a group of v2 over to root of the container, not to root of the host', () => {
    const own = (config: typeof UNPRIVILEGED) => start(host, config).outside.find(({ op }) => op === 'own');
    expect(own(PRIVILEGED)).toBeUndefined();
    const path = start(host).cgroup.v2;
    if (path === null) expect(own(UNPRIVILEGED)).toBeUndefined();
    else expect(own(UNPRIVILEGED)).toMatchObject({ path, uid: 1048576, gid: 1048576 });
  });

  it('enters beside the groups that init makes, not above them', () => {
    const entering = planEnter(UNPRIVILEGED, facts(HOSTS[host] as CgroupMounts), {
      argv: ['ls'],
      env: {},
      terminal: false,
      confinement: USUAL,
    });
    const into = entering.outside.filter(({ op }) => op === 'intoCgroup');
    const { v2 } = start(host).cgroup;
    expect(into).toEqual(v2 === null ? [] : [{ op: 'intoCgroup', path: `${v2}/exec` }]);
  });

  it('filters what an emulator runs as such, init and entered alike', () => {
    const where = { ...facts(HOSTS[host] as CgroupMounts), emulated: true };
    for (const plan of [
      planStart(UNPRIVILEGED, where, LAYERS),
      planEnter(UNPRIVILEGED, where, { argv: ['ls'], env: {}, terminal: false, confinement: USUAL }),
    ])
      expect(plan.inside.filter(({ op }) => op === 'seccomp')).toMatchObject([{ emulated: true }]);
  });

  it('is pure, and can be encoded and read back', () => {
    const limit = fc.integer({ min: 1, max: 2 ** 31 });
    const settings = fc.record({ ram: limit, numproc: limit, uid: fc.constantFrom(0, 1048576, 2097152) });
    fc.assert(
      fc.property(settings, fc.boolean(), ({ ram, numproc, uid }, terminal) => {
        const config = configOf(`PHYSPAGES="${ram}"\nNUMPROC="${numproc}"\nLOCAL_UID="${uid}"\n`);
        const where = facts(HOSTS[host] as CgroupMounts);
        const make = () => [
          planStart(config, where, { ...LAYERS, console: terminal }),
          planEnter(config, where, { argv: ['ls'], env: {}, terminal, confinement: USUAL }),
          planMount(config, LAYERS.layers),
        ];
        expect(make()).toEqual(make());
        for (const plan of make()) {
          const all = [...plan.outside, ...plan.after, ...plan.inside];
          expect(decodePlan(encodePlan(plan)).inside.length).toBe(plan.inside.length);
          expect(all.filter(({ op }) => op === 'exec').length).toBe(plan.mode === 'mount' ? 0 : 1);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('what runs', () => {
  const host = facts(HOSTS.v2 as CgroupMounts);
  const ops = (options: object) =>
    planStart(UNPRIVILEGED, host, { ...LAYERS, ...options }).inside.map(({ op }) => op);

  it('is init on the null device, on a console, or a command on what it is given', () => {
    expect(ops({})).toContain('null');
    expect(ops({ console: true })).toContain('console');
    expect(ops({ console: true })).not.toContain('null');
    expect(ops({ command: { argv: ['ls'] } })).not.toContain('null');
    expect(start('v2').inside.at(-1)).toMatchObject({
      op: 'exec',
      paths: ['/sbin/init', '/etc/init', '/bin/init'],
    });
  });

  it('is looked for in the usual directories, with nothing of the operator’s environment', () => {
    const run = (argv: readonly string[]) =>
      planEnter(UNPRIVILEGED, host, {
        argv,
        env: { TERM: 'x' },
        terminal: false,
        confinement: USUAL,
      }).inside.at(-1);
    expect(run(['/opt/a', 'b'])).toMatchObject({ paths: ['/opt/a'], argv: ['/opt/a', 'b'] });
    expect(run(['ls'])).toMatchObject({ paths: expect.arrayContaining(['/bin/ls', '/usr/sbin/ls']) });
    expect(run(['ls'])).toMatchObject({
      env: expect.arrayContaining(['HOME=/root', 'TERM=x', expect.stringMatching(/^PATH=/)]),
    });
  });
});

it('merges equal pages of those that ask for it, and of what enters them', () => {
  const config = configOf('LOCAL_UID="0"\nKSM="yes"\n');
  const enter = (of: typeof config) =>
    planEnter(of, facts(HOSTS.v2 as CgroupMounts), {
      confinement: USUAL,
      argv: ['id'],
      env: {},
      terminal: false,
    });
  const merges = ({ inside }: { readonly inside: readonly { readonly op: string }[] }) =>
    inside.some(({ op }) => op === 'merge');
  expect([start('v2', config), enter(config)].map(merges)).toEqual([true, true]);
  expect([start('v2', PRIVILEGED), enter(PRIVILEGED)].map(merges)).toEqual([false, false]);
});
