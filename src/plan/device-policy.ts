/** What a container may do with devices: rules, and the two forms in which kernels take them. The rest is refused. */

export interface DeviceAccess {
  readonly type: 'b' | 'c';
  readonly major: number;
  /** Null: every one. */
  readonly minor: number | null;
  /** Letters of `rwm`: to read, to write, to make a node. */
  readonly access: string;
}

const all = (major: number, minor: number | null): DeviceAccess => ({
  type: 'c',
  major,
  minor,
  access: 'rwm',
});

/** null, zero, full, random, urandom; tty, console, ptmx; pseudo-terminals. */
export const DEFAULT_ACCESS: readonly DeviceAccess[] = [
  ...[3, 5, 7, 8, 9].map((minor) => all(1, minor)),
  ...[0, 1, 2].map((minor) => all(5, minor)),
  all(136, null),
];

/** The usual devices, but for what is said of one of them. */
export function withDefaults(rules: readonly DeviceAccess[]): readonly DeviceAccess[] {
  const said = new Set(rules.map(deviceOf));
  return mergeAccess([...DEFAULT_ACCESS.filter((rule) => !said.has(deviceOf(rule))), ...rules]);
}

/** One rule for each device, allowing what all of them allow. */
export function mergeAccess(rules: readonly DeviceAccess[]): readonly DeviceAccess[] {
  const merged = new Map<string, DeviceAccess>();
  for (const rule of rules) {
    const key = deviceOf(rule);
    const letters = `${merged.get(key)?.access ?? ''}${rule.access}`;
    const access = [...'rwm'].filter((letter) => letters.includes(letter)).join('');
    if (access !== '') merged.set(key, { ...rule, access });
  }
  return [...merged.values()];
}

function deviceOf({ type, major, minor }: DeviceAccess): string {
  return `${type} ${major}:${minor ?? '*'}`;
}

/** As devices.allow and devices.deny take it (Documentation/admin-guide/cgroup-v1/devices.rst). */
export function accessLine(rule: DeviceAccess): string {
  return `${deviceOf(rule)} ${rule.access}`;
}

/** Registers; struct bpf_cgroup_dev_ctx is three words: access and type, major, minor. */
const [RESULT, CONTEXT, ACCESS, TYPE, MAJOR, MINOR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6] as const;
const CODE = { load: 0x61, set: 0xb7, copy: 0xbf, and: 0x57, shift: 0x77, unless: 0x55, exit: 0x95 } as const;
/** BPF_DEVCG_ACC_* and BPF_DEVCG_DEV_* of linux/bpf.h. */
const BITS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const TYPES = { b: 1, c: 2 } as const;

/** As struct bpf_insn[] for BPF_PROG_TYPE_CGROUP_DEVICE: 1 allows, 0 refuses. */
export function deviceProgram(rules: readonly DeviceAccess[]): Buffer {
  return Buffer.concat([
    instruction(CODE.load, { to: ACCESS, from: CONTEXT, offset: 0 }),
    instruction(CODE.load, { to: MAJOR, from: CONTEXT, offset: 4 }),
    instruction(CODE.load, { to: MINOR, from: CONTEXT, offset: 8 }),
    instruction(CODE.copy, { to: TYPE, from: ACCESS }),
    instruction(CODE.and, { to: TYPE, value: 0xffff }),
    instruction(CODE.shift, { to: ACCESS, value: 16 }),
    ...mergeAccess(rules).map(ruleCode),
    instruction(CODE.set, { to: RESULT, value: 0 }),
    instruction(CODE.exit, {}),
  ]);
}

/** Falls through to the next rule unless this one allows all that is asked for. */
function ruleCode({ type, major, minor, access }: DeviceAccess): Buffer {
  const refused = 7 & ~[...access].reduce((bits, letter) => bits | (BITS[letter] ?? 0), 0);
  const tests: readonly (readonly [register: number, value: number])[] = [
    [TYPE, TYPES[type]],
    [MAJOR, major],
    ...(minor === null ? [] : [[MINOR, minor] as const]),
    [SCRATCH, 0],
  ];
  const tail = [instruction(CODE.set, { to: RESULT, value: 1 }), instruction(CODE.exit, {})];
  const head = [
    instruction(CODE.copy, { to: SCRATCH, from: ACCESS }),
    instruction(CODE.and, { to: SCRATCH, value: refused }),
  ];
  const jumps = tests.map(([to, value], i) =>
    instruction(CODE.unless, { to, value, offset: tests.length - 1 - i + tail.length }),
  );
  return Buffer.concat([...head, ...jumps, ...tail]);
}

interface Operands {
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

function instruction(code: number, { to = 0, from = 0, offset = 0, value = 0 }: Operands): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code, 0);
  bytes.writeUInt8(to | (from << 4), 1);
  bytes.writeInt16LE(offset, 2);
  bytes.writeInt32LE(value, 4);
  return bytes;
}
