/** The system profile: its verdicts against a plain model, and the program's shape. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpfProgram } from '../../../src/plan/bpf.js';
import { systemSeccomp } from '../../../src/plan/seccomp.js';
import { SYSCALLS } from '../../../src/plan/syscalls.js';
import { decodeFilter, runFilter, type SyscallEntry, successors } from '../../helpers/cbpf.js';
import {
  ABIS,
  ALLOW,
  ARCH,
  ENOSYS,
  EPERM,
  expectedEmulated,
  expectedVerdict,
  KILL_PROCESS,
} from '../../helpers/seccomp-model.js';

const HOSTS = ['x64', 'arm64'] as const;
const FILTERS = { x64: decodeFilter(systemSeccomp('x64')), arm64: decodeFilter(systemSeccomp('arm64')) };
const CASES = HOSTS.flatMap((host) => [
  { host, emulated: false, expected: expectedVerdict, filter: FILTERS[host] },
  { host, emulated: true, expected: expectedEmulated, filter: decodeFilter(systemSeccomp(host, true)) },
]);
const HIGH = 0xdeadbeef00000000n;

const verdict = (host: 'x64' | 'arm64', arch: number, nr: number, ...args: readonly bigint[]): number =>
  runFilter(FILTERS[host], { arch, nr, args }).value;

describe.each(CASES)('the $host program, emulated: $emulated', ({ host, emulated, expected, filter }) => {
  it('is small', () => {
    expect(filter.length).toBeLessThan(400);
  });

  it('has every jump in range, nothing out of reach, and ends in a return', () => {
    const reached = new Set([0]);
    filter.forEach((instruction, at) => {
      for (const next of successors(instruction, at)) {
        expect(next).toBeLessThan(filter.length);
        if (reached.has(at)) reached.add(next);
      }
    });
    expect(reached.size).toBe(filter.length);
    expect(filter.at(-1)?.code).toBe(0x06);
  });

  it('searches rather than walks: few instructions for any number', () => {
    for (const arch of Object.values(ARCH)) {
      for (let nr = 0; nr <= 600; nr += 1) {
        expect(runFilter(filter, { arch, nr, args: [] }).steps).toBeLessThanOrEqual(20);
      }
    }
  });

  it('is compiled once', () => {
    expect(systemSeccomp(host, emulated)).toBe(systemSeccomp(host, emulated));
  });

  it('answers every number from 0 to 600 in every ABI as the model does, whichever argument bit is set', () => {
    const wrong: SyscallEntry[] = [];
    for (const arch of [...Object.values(ARCH), 0, 0xc0000015]) {
      for (let nr = 0; nr <= 600; nr += 1) {
        for (const value of [
          0n,
          0x5412n,
          0x541cn,
          ...Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit)),
        ]) {
          const entry = { arch, nr, args: [value, value, value, value] };
          if (runFilter(filter, entry).value !== expected(host, entry)) wrong.push(entry);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('agrees with the model on random calls', () => {
    fc.assert(
      fc.property(anyCall, (entry) => {
        expect(runFilter(filter, entry).value).toBe(expected(host, entry));
      }),
      { numRuns: 5000 },
    );
  });
});

const special = Object.values(ABIS).flatMap(({ eperm, enosys, clone, unshare, setns, ioctl, statx }) => [
  ...[...eperm, ...enosys].flatMap((nr) => [nr - 1, nr, nr + 1]),
  ...[clone, unshare, setns, ioctl, statx],
]);
const flags = fc.subarray([
  0x80n,
  0x11n,
  0x1000n,
  0x4000n,
  0x20000n,
  0x2000000n,
  0x4000000n,
  0x10000000n,
  0x40000000n,
]);
const anyArgument = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  flags.map((bits) => bits.reduce((all, bit) => all | bit, 0n)),
  fc.constantFrom(0x5411n, 0x5412n, HIGH | 0x5412n, 0x541cn, HIGH | 0x541cn, HIGH),
);
const anyCall: fc.Arbitrary<SyscallEntry> = fc.record({
  arch: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...Object.values(ARCH)) },
    { weight: 1, arbitrary: fc.nat({ max: 0xffffffff }) },
  ),
  nr: fc.oneof(
    fc.constantFrom(...special),
    fc.constantFrom(...special).map((nr) => 0x40000000 + nr),
    fc.nat({ max: 0xffffffff }),
  ),
  args: fc.array(anyArgument, { minLength: 6, maxLength: 6 }),
});

describe('what matters by name', () => {
  it('compares the low half of an ioctl request only, as the kernel does (CVE-2019-7303)', () => {
    for (const request of [0x5412n, 0x541cn]) {
      expect(verdict('x64', ARCH.x64, 16, 0n, HIGH | request)).toBe(EPERM);
      expect(verdict('x64', ARCH.i386, 54, 0n, request)).toBe(EPERM);
      expect(verdict('arm64', ARCH.arm64, 29, 0n, HIGH | request)).toBe(EPERM);
    }
    expect(verdict('x64', ARCH.x64, 16, 0x5412n, 0x5413n)).toBe(ALLOW);
  });

  it('refuses nested namespaces but mount and net, and lets clone end with signal 0x80', () => {
    expect(verdict('x64', ARCH.x64, 56, 0x10000000n)).toBe(EPERM);
    expect(verdict('x64', ARCH.x64, 56, 0x40020000n | 17n)).toBe(ALLOW);
    expect(verdict('x64', ARCH.x64, 56, 0x80n)).toBe(ALLOW);
    expect(verdict('x64', ARCH.x64, 272, 0x80n)).toBe(EPERM);
    expect(verdict('x64', ARCH.x64, 435)).toBe(ENOSYS);
  });

  it('has no way round it by another ABI', () => {
    expect(verdict('x64', ARCH.x64, 0x40000000)).toBe(ENOSYS);
    expect(verdict('x64', ARCH.x64, 0xffffffff)).toBe(ENOSYS);
    expect(verdict('x64', ARCH.i386, 310, 0x10000000n)).toBe(EPERM);
    expect(verdict('x64', ARCH.arm64, 0)).toBe(KILL_PROCESS);
    expect(verdict('arm64', ARCH.arm, 0)).toBe(ENOSYS);
    expect(verdict('arm64', ARCH.x64, 0)).toBe(KILL_PROCESS);
  });

  it('lets an emulated statx ask for all but a mount id', () => {
    const emulated = decodeFilter(systemSeccomp('x64', true));
    const asking = (mask: bigint) =>
      runFilter(emulated, { arch: ARCH.x64, nr: 332, args: [0n, 0n, 0n, mask] }).value;
    expect([0x7ffn, 0xfffn, 0x1103n, 0x4000n].map(asking)).toEqual([ALLOW, ALLOW, EPERM, EPERM]);
    expect(verdict('x64', ARCH.x64, 332, 0n, 0n, 0n, 0x1000n)).toBe(ALLOW);
  });

  it('leaves ptrace, process_vm_readv, process_vm_writev and kcmp', () => {
    for (const nr of [101, 310, 311, 312]) expect(verdict('x64', ARCH.x64, nr)).toBe(ALLOW);
    for (const nr of [117, 270, 271, 272]) expect(verdict('arm64', ARCH.arm64, nr)).toBe(ALLOW);
  });
});

const HEADERS = [
  ['/usr/include/x86_64-linux-gnu/asm/unistd_64.h', 0],
  ['/usr/include/x86_64-linux-gnu/asm/unistd_32.h', 1],
  ['/usr/include/asm-generic/unistd.h', 2],
] as const;

describe('system call numbers', () => {
  it.each(HEADERS.filter(([path]) => existsSync(path)))('are those of %s', (path, column) => {
    const defined = new Map<string, number>();
    for (const [, name, number] of readFileSync(path, 'utf8').matchAll(
      /#define __NR(?:3264)?_(\w+)\s+(\d+)/g,
    )) {
      if (name && !(column === 2 && /time64$/.test(name))) defined.set(name, Number(number));
    }
    for (const [name, numbers] of Object.entries(SYSCALLS)) {
      if (column === 2 && /(?:set|adj)time64$/.test(name)) expect(numbers[2]).toBeNull();
      else expect([name, numbers[column]]).toEqual([name, defined.get(name) ?? null]);
    }
  });
});

describe('the assembler', () => {
  it('refuses a conditional jump of more than 255, and takes an unconditional one', () => {
    const build = (jump: (program: BpfProgram, label: string) => void): Buffer => {
      const program = new BpfProgram();
      const label = program.newLabel();
      jump(program, label);
      for (let at = 0; at < 256; at += 1) program.load(0);
      program.label(label);
      program.answer(0);
      return program.assemble();
    };
    expect(() => build((program, label) => program.test('equal', 1, label, null))).toThrow('too long');
    expect(decodeFilter(build((program, label) => program.jump(label)))[0]?.k).toBe(256);
  });

  it('refuses a label that is not ahead', () => {
    const program = new BpfProgram();
    program.jump('nowhere');
    expect(() => program.assemble()).toThrow('no nowhere ahead');
  });
});
