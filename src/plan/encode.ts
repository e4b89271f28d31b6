/** A plan as the bytes that native/core/protocol.h describes. */
import { CellaError } from '../errors.js';
import { capabilityMask } from './capabilities.js';
import { deviceProgram } from './device-policy.js';
import {
  type LaunchPlan,
  type MountFlag,
  type Namespace,
  type NodesStep,
  type OverlayStep,
  RLIMITS,
  type Step,
} from './launch-plan.js';
import { systemSeccomp } from './seccomp.js';

const MAGIC = 0x414c4c43;
const VERSION = 1;
const HEADER_SIZE = 56;
const OP_SIZE = 40;

const MODES = { launch: 1, enter: 2, mount: 3, guard: 4, keep: 5, program: 7 } as const;

const NAMESPACES: Readonly<Record<Namespace, number>> = {
  time: 0x80,
  mount: 0x00020000,
  cgroup: 0x02000000,
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  net: 0x40000000,
};

/** MOUNT_ATTR_* of mount_setattr(2). */
const FLAGS: Readonly<Record<MountFlag, number>> = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  strictatime: 0x20,
};

const CODES: Readonly<Record<Step['op'], number>> = {
  makeCgroup: 1,
  writeFile: 2,
  joinTasks: 3,
  intoCgroup: 4,
  source: 5,
  own: 6,
  devices: 7,
  clocks: 8,
  enable: 9,
  overlay: 10,
  image: 11,
  nodes: 12,
  bind: 13,
  tree: 14,
  unshare: 20,
  root: 21,
  become: 22,
  mount: 23,
  directory: 24,
  attach: 25,
  symlink: 26,
  mask: 27,
  readOnly: 28,
  pivot: 29,
  hostname: 30,
  loopback: 31,
  null: 32,
  terminal: 33,
  rlimit: 34,
  keyring: 35,
  chdir: 36,
  identity: 37,
  capabilities: 38,
  noNewPrivileges: 39,
  seccomp: 40,
  exec: 41,
  console: 42,
  file: 43,
  sysctl: 44,
  detach: 45,
  done: 46,
  merge: 47,
};

interface Fields {
  readonly a?: number;
  readonly b?: number;
  readonly c?: bigint;
  readonly d?: bigint;
  readonly strings?: readonly string[];
  readonly bytes?: Uint8Array;
}

/** Steps that every plan shares are constants of plan/, and need encoding once. */
const encoded = new WeakMap<Step, Buffer>();

export interface EncodeOptions {
  /** The step before which the launcher dies; for tests. */
  readonly crashAt?: number | undefined;
  /** Whose container is entered. */
  readonly target?: number;
}

export function encodePlan(
  plan: LaunchPlan,
  { crashAt = 0xffffffff, target = 0 }: EncodeOptions = {},
): Buffer {
  const steps = [...plan.outside, ...plan.after, ...plan.inside].map(encodeOnce);
  const header = Buffer.alloc(HEADER_SIZE);
  const ids = plan.ids ?? { uid: 0, gid: 0, count: 0 };
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(VERSION, 4);
  header.writeUInt32LE(HEADER_SIZE + steps.reduce((size, step) => size + step.length, 0), 8);
  header.writeUInt32LE(MODES[plan.mode], 12);
  header.writeUInt32LE(namespaceFlags(plan.namespaces), 16);
  header.writeUInt32LE(ids.uid, 24);
  header.writeUInt32LE(ids.gid, 28);
  header.writeUInt32LE(ids.count, 32);
  header.writeUInt32LE(plan.outside.length, 36);
  header.writeUInt32LE(plan.after.length, 40);
  header.writeUInt32LE(plan.inside.length, 44);
  header.writeUInt32LE(crashAt, 48);
  header.writeUInt32LE(target, 52);
  return Buffer.concat([header, ...steps]);
}

function encodeOnce(step: Step): Buffer {
  const known = encoded.get(step);
  if (known) return known;
  const record = encodeStep(step);
  encoded.set(step, record);
  return record;
}

function encodeStep(step: Step): Buffer {
  const { a = 0, b = 0, c, d, strings = [], bytes } = fieldsOf(step);
  if (strings.some((at) => at.includes('\0')))
    throw new CellaError('BAD_VALUE', `${step.op}: a value holds a NUL byte`);
  const text = strings.length === 0 ? '' : `${strings.join('\0')}\0`;
  const length = Buffer.byteLength(text);
  const size = Math.ceil((OP_SIZE + length + (bytes?.length ?? 0)) / 8) * 8;
  // From Node's pool: a buffer of its own for every few bytes costs more than filling it.
  const record = Buffer.allocUnsafe(size).fill(0);
  record.writeUInt32LE(CODES[step.op], 0);
  record.writeUInt32LE(size, 4);
  record.writeUInt32LE(a, 8);
  record.writeUInt32LE(b, 12);
  if (c !== undefined) record.writeBigUInt64LE(c, 16);
  if (d !== undefined) record.writeBigUInt64LE(d, 24);
  record.writeUInt32LE(strings.length, 32);
  record.writeUInt32LE(bytes?.length ?? 0, 36);
  record.write(text, OP_SIZE);
  if (bytes) record.set(bytes, OP_SIZE + length);
  return record;
}

function fieldsOf(step: Step): Fields {
  switch (step.op) {
    case 'writeFile':
      return { strings: [step.path, step.value] };
    case 'makeCgroup':
      return { a: step.parents, strings: [step.path] };
    case 'enable':
      return { strings: [step.path, ...step.controllers] };
    case 'own':
      return { a: step.uid, b: step.gid, strings: [step.path, ...step.files] };
    case 'source':
      return {
        a: step.slot,
        b: step.readOnly ? 1 : 0,
        c: BigInt(step.device?.[0] ?? 0),
        d: BigInt(step.device?.[1] ?? 0),
        strings: [step.path],
      };
    case 'devices':
      return { strings: [step.path], bytes: deviceProgram(step.access) };
    case 'nodes':
      return { strings: [step.target], bytes: nodesBytes(step) };
    case 'bind':
      return {
        a: step.slot,
        b: flagBits(step.flags),
        c: BigInt(step.ids === 'child' ? 1 : (step.ids ?? 0)),
        strings: [step.base ?? '', step.path, step.target ?? ''],
      };
    case 'image':
      return { strings: [step.path, step.device ?? '', ...step.options.flatMap(nameAndValue)] };
    case 'overlay':
      return overlayFields(step);
    case 'mount':
      return {
        c: BigInt(flagBits(step.flags)),
        strings: [step.path, step.type, ...Object.entries(step.options).flat()],
      };
    case 'attach':
      return {
        a: step.slot,
        b: step.directory === 'either' ? 2 : Number(step.directory),
        strings: [step.path],
      };
    case 'unshare':
      return { c: BigInt(namespaceFlags(step.namespaces)) };
    case 'symlink':
      return { strings: [step.to, step.path] };
    case 'file':
      return { strings: [step.path, step.text] };
    case 'sysctl':
      return { strings: [step.path, step.value] };
    case 'readOnly':
      return { b: step.writable ? 1 : 0, strings: [step.path] };
    case 'hostname':
      return { strings: [step.name] };
    case 'rlimit':
      return { a: RLIMITS[step.resource], c: limit(step.soft), d: limit(step.hard) };
    case 'capabilities':
      return { c: capabilityMask(step.names) };
    case 'seccomp':
      return { bytes: systemSeccomp(step.arch, step.profile, step.emulated) };
    case 'identity':
      return { a: step.uid, b: step.gid, bytes: new Uint8Array(new Uint32Array(step.groups).buffer) };
    case 'exec':
      return {
        a: step.paths.length,
        b: step.argv.length,
        c: BigInt(step.env.length),
        strings: [...step.paths, ...step.argv, ...step.env],
      };
    case 'joinTasks':
    case 'intoCgroup':
    case 'tree':
    case 'root':
    case 'directory':
    case 'mask':
    case 'console':
    case 'chdir':
    case 'detach':
      return { strings: [step.path] };
    case 'clocks':
    case 'done':
    case 'become':
    case 'pivot':
    case 'loopback':
    case 'null':
    case 'terminal':
    case 'keyring':
    case 'noNewPrivileges':
    case 'merge':
      return {};
  }
}

/** The value is empty where there is none. */
function nameAndValue(option: string): readonly string[] {
  const [name = '', ...value] = option.split('=');
  return [name, value.join('=')];
}

function overlayFields(step: OverlayStep): Fields {
  const { contents, work } = step;
  const plain = contents !== null && work === null;
  const flags = [
    step.idmapped,
    step.byPaths,
    plain,
    step.readOnly || contents === null,
    step.volatile,
    step.setuid,
  ];
  return {
    b: flags.reduce((bits, set, i) => bits | (set ? 1 << i : 0), 0),
    strings: [step.target, step.area, contents ?? '', work ?? '', ...step.lower],
  };
}

function flagBits(flags: readonly MountFlag[]): number {
  return flags.reduce((mask, flag) => mask | FLAGS[flag], 0);
}

/** File types of mknod(2). */
const NODE_TYPES = { c: 0o020000, b: 0o060000 } as const;

function nodesBytes({ nodes }: NodesStep): Uint8Array {
  const words = nodes.flatMap(({ slot, type, major, minor, uid, gid, permissions }) => [
    slot,
    NODE_TYPES[type],
    major,
    minor,
    uid,
    gid,
    permissions,
  ]);
  return new Uint8Array(new Uint32Array(words).buffer);
}

function namespaceFlags(names: readonly Namespace[]): number {
  return names.reduce((mask, name) => mask + NAMESPACES[name], 0);
}

/** RLIM_INFINITY is all ones. */
function limit(value: number): bigint {
  return value === Number.POSITIVE_INFINITY ? 0xffffffffffffffffn : BigInt(value);
}
