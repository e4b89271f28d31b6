/**
 * The seccomp filter of system containers, compiled ahead: a binary search over system call numbers.
 *
 * A list of what is refused, since a distribution may use the rest. New namespaces but mount and net are refused
 * so that the container can be checkpointed; systemd takes EPERM as "this manager does not want that".
 */
import { BpfProgram } from './bpf.js';
import { type SyscallName, syscallNumber } from './syscalls.js';

const EPERM = 1;
const ENOSYS = 38;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const KILL_PROCESS = 0x80000000;

/** struct seccomp_data: nr, arch, instruction pointer, six arguments of 64 bits. */
const NR = 0;
const ARCH = 4;
const argument = (index: number): number => 16 + index * 8;

const AUDIT_ARCH = { x64: 0xc000003e, i386: 0x40000003, arm64: 0xc00000b7, arm: 0x40000028 } as const;
const X32_BIT = 0x40000000;

/** CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID (clone(2)). */
const NESTED = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000;
/** CLONE_NEWTIME is part of the exit signal in clone(2), but a flag of unshare(2) and setns(2). */
const TIME = 0x80;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
/** STATX_MNT_ID, STATX_MNT_ID_UNIQUE (statx(2)). */
const MOUNT_ID = 0x1000 | 0x4000;

interface Rule {
  readonly names: readonly SyscallName[];
  readonly errno: number;
  /** Only where one of these bits, or one of these values, is in the low half of an argument. */
  readonly when?: { readonly argument: number; readonly bits?: number; readonly values?: readonly number[] };
}

const RULES: readonly Rule[] = [
  {
    names: [
      'kexec_load',
      'kexec_file_load',
      'open_by_handle_at',
      'init_module',
      'finit_module',
      'delete_module',
      'bpf',
      'perf_event_open',
      'userfaultfd',
      'acct',
      'swapon',
      'swapoff',
      'quotactl',
      'quotactl_fd',
      'settimeofday',
      'stime',
      'clock_settime',
      'clock_settime64',
      'clock_adjtime',
      'clock_adjtime64',
      'adjtimex',
      'iopl',
      'ioperm',
      'nfsservctl',
      'lookup_dcookie',
    ],
    errno: EPERM,
  },
  // clone3's flags lie in memory, out of a filter's sight: callers fall back to clone.
  {
    names: [
      'clone3',
      'io_uring_setup',
      'io_uring_enter',
      'io_uring_register',
      'keyctl',
      'add_key',
      'request_key',
    ],
    errno: ENOSYS,
  },
  { names: ['clone'], errno: EPERM, when: { argument: 0, bits: NESTED } },
  { names: ['unshare'], errno: EPERM, when: { argument: 0, bits: NESTED | TIME } },
  { names: ['setns'], errno: EPERM, when: { argument: 1, bits: NESTED | TIME } },
  // Input pushed into a terminal. The kernel looks at 32 bits of the request, and so does this (CVE-2019-7303).
  { names: ['ioctl'], errno: EPERM, when: { argument: 1, values: [TIOCSTI, TIOCLINUX] } },
];

/**
 * QEMU's user emulator answers that there is a mount id, and leaves it 0: systemd takes any copy of the root for the
 * root itself. Refused, it looks in other ways.
 */
const EMULATED: Rule = { names: ['statx'], errno: EPERM, when: { argument: 3, bits: MOUNT_ID } };

type Abi = 'x64' | 'i386' | 'arm64';
interface Case {
  readonly number: number;
  readonly rule: Rule;
}

const compiled = new Map<string, Buffer>();

/** The default profile, as struct sock_filter[]; `emulated`: for programs that an emulator runs. */
export function systemSeccomp(arch: 'x64' | 'arm64', emulated = false): Buffer {
  const key = `${arch} ${emulated}`;
  let program = compiled.get(key);
  if (!program) {
    program = compile(arch, emulated ? [...RULES, EMULATED] : RULES);
    compiled.set(key, program);
  }
  return program;
}

function compile(arch: 'x64' | 'arm64', rules: readonly Rule[]): Buffer {
  const program = new BpfProgram();
  const [native, compat] = arch === 'x64' ? (['x64', 'i386'] as const) : (['arm64', 'arm'] as const);
  const [nativeLabel, compatLabel] = [program.newLabel(), program.newLabel()];
  // The ways out of each section lie right before it, so that the long way is an unconditional jump.
  program.load(ARCH);
  const [toNative, toCompat] = [program.newLabel(), program.newLabel()];
  program.test('equal', AUDIT_ARCH[native], toNative, null);
  program.test('equal', AUDIT_ARCH[compat], toCompat, null);
  program.answer(KILL_PROCESS);
  program.label(toNative);
  program.jump(nativeLabel);
  program.label(toCompat);
  program.jump(compatLabel);
  program.label(nativeLabel);
  section(program, native, rules);
  program.label(compatLabel);
  if (compat === 'i386') section(program, compat, rules);
  else program.answer(ERRNO | ENOSYS);
  return program.assemble();
}

/** The calls that some rule is about, by number. */
function casesOf(abi: Abi, rules: readonly Rule[]): readonly Case[] {
  return rules
    .flatMap((rule) =>
      rule.names.flatMap((name) => {
        const number = syscallNumber(name, abi);
        return number === null ? [] : [{ number, rule }];
      }),
    )
    .sort((a, b) => a.number - b.number);
}

/** One ABI: the tree, its leaves, and its own answers close behind them. */
function section(program: BpfProgram, abi: Abi, rules: readonly Rule[]): void {
  const answers = new Map([ALLOW, ERRNO | EPERM, ERRNO | ENOSYS].map((value) => [value, program.newLabel()]));
  const answer = (value: number): string => answers.get(value) ?? '';
  program.load(NR);
  if (abi === 'x64') program.test('atLeast', X32_BIT, answer(ERRNO | ENOSYS), null);
  const leaves: { readonly label: string; readonly rule: Rule }[] = [];
  search(casesOf(abi, rules));
  for (const { label, rule } of leaves) leaf(label, rule);
  for (const [value, label] of answers) {
    program.label(label);
    program.answer(value);
  }

  function search(part: readonly Case[]): void {
    const middle = part[part.length >> 1];
    if (!middle) {
      program.jump(answer(ALLOW));
      return;
    }
    if (part.length > 1) {
      const upper = program.newLabel();
      program.test('atLeast', middle.number, upper, null);
      search(part.slice(0, part.length >> 1));
      program.label(upper);
      search(part.slice(part.length >> 1));
      return;
    }
    const unconditional = answer(ERRNO | middle.rule.errno);
    const label = middle.rule.when ? program.newLabel() : unconditional;
    if (middle.rule.when) leaves.push({ label, rule: middle.rule });
    program.test('equal', middle.number, label, answer(ALLOW));
  }

  function leaf(label: string, { errno, when }: Rule): void {
    if (!when) return;
    program.label(label);
    program.load(argument(when.argument));
    if (when.bits !== undefined) program.test('anyBit', when.bits, answer(ERRNO | errno), null);
    for (const value of when.values ?? []) program.test('equal', value, answer(ERRNO | errno), null);
    program.jump(answer(ALLOW));
  }
}
