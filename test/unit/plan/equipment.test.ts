/** What of the host a container gets, as steps: on every kind of host, at its start and live. */
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { parseConfig } from '../../../src/config/grammar.js';
import type { CgroupMounts } from '../../../src/plan/cgroup.js';
import { unusable } from '../../../src/plan/confinement.js';
import { encodePlan } from '../../../src/plan/encode.js';
import { FEATURE_NODES, type Given, type GivenNode, NOTHING } from '../../../src/plan/equipment.js';
import { planChange, planEnter, planStart } from '../../../src/plan/plan-start.js';
import { decodePlan } from '../../helpers/plan-decoder.js';

const OURS = { delegation: null, swapV1: false, cpuCount: 4 };
const V1 = { memory: '/cg/memory', freezer: '/cg/freezer' };
const HOSTS = {
  v2: { ...OURS, v2: { mount: '/cg', controllers: ['memory'] }, v1: {} },
  hybrid: { ...OURS, v2: { mount: '/cg/unified', controllers: [] }, v1: { ...V1, devices: '/cg/devices' } },
  v1: { ...OURS, v2: null, v1: { ...V1, devices: '/cg/devices' } },
  bare: { ...OURS, v2: null, v1: V1 },
} as const satisfies Record<string, CgroupMounts>;
type HostName = keyof typeof HOSTS;

function configOf(text: string) {
  const names = { host: 'vz.conf', container: '101.conf' };
  return readContainerConfig(parseCtid('101'), parseConfig(''), parseConfig(text), names);
}
const UNPRIVILEGED = configOf('LOCAL_UID="1048576"\n');
const PRIVILEGED = configOf('LOCAL_UID="0"\n');
const TUN = FEATURE_NODES.tun as GivenNode;
const given = (part: Partial<Given>): Given => ({ ...NOTHING, ...part });
const WITH_TUN = given({ nodes: [TUN], access: [{ type: 'c', major: 10, minor: 200, access: 'rwm' }] });

const factsOf = (host: HostName) => ({ arch: 'x64', cgroups: HOSTS[host], cgroupGroup: '' }) as const;
const start = (host: HostName, config = UNPRIVILEGED, what = NOTHING) =>
  planStart(config, factsOf(host), {
    layers: { node: '', below: [], template: ['/template'] },
    given: what,
  });

describe('what may be done with devices', () => {
  const program = (host: HostName, config = UNPRIVILEGED, what = NOTHING) =>
    start(host, config, what).outside.filter(({ op }) => op === 'devices');

  it.each(['v2', 'hybrid'] as const)(
    'is a program on %s, only where one is needed, before anything runs',
    (host) => {
      expect(program(host)).toEqual([]);
      expect(program(host, PRIVILEGED)).toMatchObject([{ path: start(host).cgroup.v2 }]);
      expect(program(host, UNPRIVILEGED, WITH_TUN)).toMatchObject([
        { access: expect.arrayContaining([{ type: 'c', major: 10, minor: 200, access: 'rwm' }]) },
      ]);
    },
  );

  it('is lines on v1, for the group above the one that the processes are in', () => {
    const steps = start('v1', PRIVILEGED).outside.flatMap((step) =>
      'path' in step && step.path.includes('/devices/') ? [step] : [],
    );
    const values = steps.map((step) => ('value' in step ? `${step.path} ${step.value}` : step.path));
    expect(values[0]).toBe('/cg/devices/cella/101');
    expect(values[1]).toBe('/cg/devices/cella/101/devices.deny a');
    expect(values[2]).toBe('/cg/devices/cella/101/devices.allow c 1:3 rwm');
    expect(values.at(-2)).toBe('/cg/devices/cella/101/processes');
    expect(values.at(-1)).toBe('/cg/devices/cella/101/processes/tasks');
    const entering = planEnter(PRIVILEGED, factsOf('v1'), {
      ...{ argv: ['ls'], env: {}, terminal: false },
      confinement: start('v1').confinement,
    });
    expect(entering.outside).toContainEqual({
      op: 'joinTasks',
      path: '/cg/devices/cella/101/processes/tasks',
    });
  });

  it('is refused where nothing limits it, unless nothing needs to', () => {
    expect(start('bare').checkpointable).toBe(true);
    for (const attempt of [() => start('bare', PRIVILEGED), () => start('bare', UNPRIVILEGED, WITH_TUN)])
      expect(attempt).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_KERNEL' }));
  });
});

describe.each(Object.keys(HOSTS).filter((name) => name !== 'bare') as readonly HostName[])(
  'on %s',
  (host) => {
    const BINDS = [
      { source: '/srv/b', target: '/a/b', flags: ['ro'] },
      { source: undefined, target: '/a', flags: [] },
    ] as const;
    const plan = start(host, UNPRIVILEGED, given({ ...WITH_TUN, binds: BINDS }));

    it('every slot is filled once, without gaps, and attached', () => {
      const filled = plan.after.flatMap((step) => {
        if (step.op === 'nodes') return step.nodes.map(({ slot }) => slot);
        return step.op === 'source' || step.op === 'bind' ? [step.slot] : [];
      });
      expect(filled).toEqual(filled.map((_, i) => i + 1));
      const attached = plan.inside.flatMap((step) => (step.op === 'attach' ? [step.slot] : []));
      expect(attached.toSorted((a, b) => a - b)).toEqual(filled);
    });

    it('outer directories come first, devices never with them', () => {
      const binds = plan.after.filter((step) => step.op === 'bind');
      expect(binds).toMatchObject([
        { base: `${UNPRIVILEGED.privateArea}/mnt`, path: '/a', flags: ['nodev'], ids: 'child' },
        { base: null, path: '/srv/b', flags: ['ro', 'nodev'], ids: 'child' },
      ]);
    });

    it('a node belongs to root of the container', () => {
      expect(plan.after.find(({ op }) => op === 'nodes')).toMatchObject({
        nodes: [{ uid: 1_048_576, gid: 1_048_576, major: 10, minor: 200 }],
      });
      const { after } = decodePlan(encodePlan(plan));
      const nodes = after.find(({ code }) => code === 12);
      expect([...new Uint32Array(Uint8Array.from(nodes?.bytes ?? []).buffer)].slice(1)).toEqual([
        0o020000, 10, 200, 1_048_576, 1_048_576, 0o666,
      ]);
    });

    it('a change of a running one is a plan that runs nothing', () => {
      const change = { add: given({ ...WITH_TUN, binds: BINDS }), remove: ['/dev/fuse'], access: [] };
      const live = planChange(UNPRIVILEGED, factsOf(host), 77, change);
      expect(live.inside.map(({ op }) => op)).toEqual([
        'become',
        'detach',
        'attach',
        'attach',
        'attach',
        'done',
      ]);
      expect(live.outside.map(({ op }) => op)).toEqual(HOSTS[host].v2 ? ['devices'] : []);
      expect(live.after.find(({ op }) => op === 'bind')).toMatchObject({ ids: 77 });
      expect(decodePlan(encodePlan(live)).mode).toBe(2);
    });
  },
);

it('refuses the root as a target, and more than there are slots', () => {
  const bind = { source: '/srv', target: '/', flags: [] } as const;
  expect(() => start('v2', UNPRIVILEGED, given({ binds: [bind] }))).toThrow("cannot be '/'");
  const many = Array.from({ length: 57 }, (_, i) => ({ ...bind, target: `/${i}` }));
  expect(() => start('v2', UNPRIVILEGED, given({ binds: many }))).toThrow('more than 48');
});

describe('confinement', () => {
  const ops = (text: string) => start('v2', configOf(`LOCAL_UID="1048576"\n${text}`));

  it('of nesting: another filter, and nothing hidden in /proc and /sys unless root is that of the host', () => {
    const plan = ops('FEATURES="nesting:on"\n');
    expect(plan.inside).toContainEqual({ op: 'seccomp', profile: 'nesting', arch: 'x64' });
    expect(plan.inside.some(({ op }) => op === 'mask')).toBe(false);
    const privileged = start('v2', configOf('LOCAL_UID="0"\nFEATURES="nesting:on"\n'));
    expect(privileged.inside.some(({ op }) => op === 'mask')).toBe(true);
    expect(plan).toMatchObject({ checkpointable: false, whyNotCheckpointable: [/nesting/] });
  });

  it('of time: clocks before the clone, and for commands', () => {
    const plan = ops('FEATURES="time:on"\n');
    expect(plan.outside).toContainEqual({ op: 'clocks' });
    const options = { argv: ['ls'], env: {}, terminal: false, confinement: plan.confinement };
    expect(planEnter(UNPRIVILEGED, factsOf('v2'), options).namespaces).toContain('time');
  });

  it('of capabilities: less than usual, never more', () => {
    const names = (text: string) =>
      ops(text).inside.flatMap((step) => (step.op === 'capabilities' ? step.names : []));
    expect(names('CAPABILITY="net_raw:off,sys_module:on"\n')).toEqual(
      names('').filter((name) => name !== 'CAP_NET_RAW'),
    );
    expect(names('NETFILTER="disabled"\n')).toEqual(names('').filter((name) => name !== 'CAP_NET_ADMIN'));
    expect(names('NETFILTER="stateful"\n')).toEqual(names(''));
  });

  it('says what is asked for in vain', () => {
    const says = (text: string) => unusable(configOf(text));
    expect(says('FEATURES="nfsd:on,sysfs:off,fuse:on"\n')).toEqual([
      'no effect on this system, only kept: --features nfsd:on,sysfs:off',
    ]);
    expect(says('LOCAL_UID="0"\nFEATURES="nfs:on"\n')).toEqual([]);
    expect(says('LOCAL_UID="1048576"\nFEATURES="nfs:on"\n')).toEqual([expect.stringContaining('nfs:on')]);
    expect(says('CAPABILITY="ve_admin:on,chown:on"\n')).toEqual([expect.stringContaining('ve_admin')]);
  });
});
