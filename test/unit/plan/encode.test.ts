/** Plans as bytes, against a reader written from the header file alone. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePlan } from '../../../src/plan/encode.js';
import type { InsideStep, LaunchPlan, OutsideStep, Step } from '../../../src/plan/launch-plan.js';
import { decodePlan } from '../../helpers/plan-decoder.js';

/** enum class Code of the header, by name. */
function codes(): ReadonlyMap<string, number> {
  const text = readFileSync(new URL('../../../native/core/protocol.h', import.meta.url), 'utf8');
  const names = /enum class Code[^{]*\{([^}]*)\}/.exec(text)?.[1]?.split(',') ?? [];
  const found = new Map<string, number>();
  let next = 0;
  for (const name of names.map((at) => at.trim()).filter(Boolean)) {
    const [word = '', value] = name.split(/\s*=\s*/);
    next = value === undefined ? next + 1 : Number(value);
    found.set(word.charAt(0).toLowerCase() + word.slice(1), next);
  }
  return found;
}

const CODES = codes();

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((at) => !at.includes('\0'));
const path = text.map((at) => `/${at}`);
const word = fc.nat(2 ** 31 - 1);

const outside: fc.Arbitrary<OutsideStep> = fc.oneof(
  fc.record({ op: fc.constant('makeCgroup' as const), path, parents: fc.nat(5) }),
  fc.record({ op: fc.constant('writeFile' as const), path, value: text }),
  fc.record({ op: fc.constant('enable' as const), path, controllers: fc.array(text, { maxLength: 3 }) }),
  fc.record({ op: fc.constantFrom('joinTasks' as const, 'intoCgroup' as const), path }),
  fc.record({ op: fc.constant('clocks' as const) }),
);

const inside: fc.Arbitrary<InsideStep> = fc.oneof(
  fc.record({
    op: fc.constantFrom(
      'become' as const,
      'pivot' as const,
      'null' as const,
      'terminal' as const,
      'done' as const,
    ),
  }),
  fc.record({
    op: fc.constantFrom('root' as const, 'mask' as const, 'chdir' as const, 'detach' as const),
    path,
  }),
  fc.record({ op: fc.constant('symlink' as const), path, to: text }),
  fc.record({
    op: fc.constant('attach' as const),
    path,
    slot: fc.nat(15),
    directory: fc.constantFrom(true, false, 'either' as const),
  }),
  fc.record({
    op: fc.constant('mount' as const),
    path,
    type: text,
    flags: fc.subarray(['ro', 'nosuid', 'nodev', 'noexec'] as const),
    options: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
  }),
  fc.record({
    op: fc.constant('identity' as const),
    uid: word,
    gid: word,
    groups: fc.array(word, { maxLength: 9 }),
  }),
  fc.record({
    op: fc.constant('exec' as const),
    paths: fc.array(path, { maxLength: 3 }),
    argv: fc.array(text, { maxLength: 3 }),
    env: fc.array(text, { maxLength: 3 }),
  }),
);

const plans: fc.Arbitrary<LaunchPlan> = fc.record({
  mode: fc.constantFrom('launch' as const, 'enter' as const, 'mount' as const),
  namespaces: fc.subarray(['user', 'mount', 'pid', 'net', 'ipc', 'uts', 'cgroup'] as const),
  ids: fc.option(fc.record({ uid: word, gid: word, count: word })),
  outside: fc.array(outside, { maxLength: 5 }),
  after: fc.array(fc.record({ op: fc.constant('writeFile' as const), path, value: text }), { maxLength: 3 }),
  inside: fc.array(inside, { maxLength: 8 }),
});

/** Every string of a step, in the order of its record. */
function stringsOf(step: Step): readonly string[] {
  switch (step.op) {
    case 'writeFile':
      return [step.path, step.value];
    case 'enable':
      return [step.path, ...step.controllers];
    case 'symlink':
      return [step.to, step.path];
    case 'mount':
      return [step.path, step.type, ...Object.entries(step.options).flat()];
    case 'exec':
      return [...step.paths, ...step.argv, ...step.env];
    default:
      return 'path' in step ? [step.path] : [];
  }
}

const one = (step: InsideStep) =>
  decodePlan(
    encodePlan({ mode: 'launch', namespaces: [], ids: null, outside: [], after: [], inside: [step] }),
  ).inside[0];

describe('encodePlan', () => {
  it('is read back as what it was made from', () => {
    fc.assert(
      fc.property(plans, fc.nat(100), (plan, crashAt) => {
        const read = decodePlan(encodePlan(plan, { crashAt }));
        expect(read.mode).toBe({ launch: 1, enter: 2, mount: 3, guard: 4, keep: 5, program: 7 }[plan.mode]);
        expect(read.ids).toEqual({
          base: plan.ids?.uid ?? 0,
          gidBase: plan.ids?.gid ?? 0,
          count: plan.ids?.count ?? 0,
        });
        expect(read.crashAt).toBe(crashAt);
        for (const part of ['outside', 'after', 'inside'] as const) {
          expect(read[part].map(({ code }) => code)).toEqual(plan[part].map(({ op }) => CODES.get(op)));
          expect(read[part].map(({ strings }) => strings)).toEqual(plan[part].map(stringsOf));
        }
      }),
    );
  });

  it('numbers namespaces and mount flags as the kernel does', () => {
    const plan: LaunchPlan = {
      mode: 'launch',
      namespaces: ['user', 'mount', 'pid', 'net', 'ipc', 'uts', 'cgroup'],
      ids: null,
      outside: [],
      after: [],
      inside: [],
    };
    expect(decodePlan(encodePlan(plan)).namespaces).toBe(0x7e020000n);
    const mount = { op: 'mount', path: '/', type: 'tmpfs', options: {} } as const;
    expect(one({ ...mount, flags: ['ro', 'nosuid', 'nodev', 'noexec', 'strictatime'] })?.c).toBe(0x2fn);
  });

  it('puts numbers where the launcher looks for them', () => {
    expect(
      one({ op: 'rlimit', resource: 'nofile', soft: 1024, hard: Number.POSITIVE_INFINITY }),
    ).toMatchObject({
      a: 7,
      c: 1024n,
      d: 0xffffffffffffffffn,
    });
    expect(one({ op: 'exec', paths: ['/a', '/b'], argv: ['a'], env: ['X=1', 'Y=2', 'Z='] })).toMatchObject({
      a: 2,
      b: 1,
      c: 3n,
    });
    expect(one({ op: 'identity', uid: 5, gid: 6, groups: [7, 4_294_967_294] })).toMatchObject({
      a: 5,
      b: 6,
      bytes: Buffer.from('07000000feffffff', 'hex'),
    });
    expect(one({ op: 'capabilities', names: ['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE'] })?.c).toBe(
      0x10000000001n,
    );
    expect(one({ op: 'attach', path: '/x', slot: 3, directory: true })).toMatchObject({ a: 3, b: 1 });
  });

  it('refuses a NUL byte wherever a string may hold one', () => {
    const bad = 'a\0b';
    for (const step of [
      { op: 'chdir', path: bad },
      { op: 'hostname', name: bad },
      { op: 'exec', paths: ['/a'], argv: ['a', bad], env: [] },
      { op: 'exec', paths: ['/a'], argv: ['a'], env: [bad] },
      { op: 'mount', path: '/', type: 'tmpfs', flags: [], options: { mode: bad } },
    ] as const)
      expect(() => one(step)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
  });
});
