/** What the system profile should answer, written plainly and apart from the compiler and its tables. */
import type { SyscallEntry } from './cbpf.js';

export const ARCH = { x64: 0xc000003e, i386: 0x40000003, arm64: 0xc00000b7, arm: 0x40000028 } as const;

export const ALLOW = 0x7fff0000;
export const EPERM = 0x00050001;
export const ENOSYS = 0x00050026;
export const KILL_PROCESS = 0x80000000;

/** Numbers of one ABI, by what becomes of them. */
export interface AbiModel {
  readonly eperm: readonly number[];
  readonly enosys: readonly number[];
  readonly clone: number;
  readonly unshare: number;
  readonly setns: number;
  readonly ioctl: number;
  readonly statx: number;
}

const NEW_CALLS = [425, 426, 427, 435];

export const ABIS: Readonly<Record<'x64' | 'i386' | 'arm64', AbiModel>> = {
  x64: {
    eperm: [
      159, 163, 164, 167, 168, 172, 173, 175, 176, 179, 180, 212, 227, 246, 298, 304, 305, 313, 320, 321, 323,
      443,
    ],
    enosys: [248, 249, 250, ...NEW_CALLS],
    clone: 56,
    unshare: 272,
    setns: 308,
    ioctl: 16,
    statx: 332,
  },
  i386: {
    eperm: [
      25, 51, 79, 87, 101, 110, 115, 124, 128, 129, 131, 169, 253, 264, 283, 336, 342, 343, 350, 357, 374,
      404, 405, 443,
    ],
    enosys: [286, 287, 288, ...NEW_CALLS],
    clone: 120,
    unshare: 310,
    setns: 346,
    ioctl: 54,
    statx: 383,
  },
  arm64: {
    eperm: [18, 42, 60, 89, 104, 105, 106, 112, 170, 171, 224, 225, 241, 265, 266, 273, 280, 282, 294, 443],
    enosys: [217, 218, 219, ...NEW_CALLS],
    clone: 220,
    unshare: 97,
    setns: 268,
    ioctl: 29,
    statx: 291,
  },
};

const NESTED = 0x3e000000n;
const NEWTIME = 0x80n;

/** What an emulated container gets beside: EPERM for a statx(2) that asks for a mount id. */
export function expectedEmulated(host: 'x64' | 'arm64', entry: SyscallEntry): number {
  const native = expectedVerdict(host, entry);
  const abi = Object.entries(ABIS).find(([name]) => ARCH[name as keyof typeof ARCH] === entry.arch)?.[1];
  const asked = ((entry.args[3] ?? 0n) & 0x5000n) !== 0n;
  return native === ALLOW && entry.nr >>> 0 === abi?.statx && asked ? EPERM : native;
}

export function expectedVerdict(host: 'x64' | 'arm64', { arch, nr, args }: SyscallEntry): number {
  const call = nr >>> 0;
  if (host === 'x64' && arch === ARCH.x64) return call >= 0x40000000 ? ENOSYS : inAbi(ABIS.x64, call, args);
  if (host === 'x64' && arch === ARCH.i386) return inAbi(ABIS.i386, call, args);
  if (host === 'arm64' && arch === ARCH.arm64) return inAbi(ABIS.arm64, call, args);
  if (host === 'arm64' && arch === ARCH.arm) return ENOSYS;
  return KILL_PROCESS;
}

function inAbi(abi: AbiModel, nr: number, args: readonly bigint[]): number {
  const [first = 0n, second = 0n] = args;
  if (abi.eperm.includes(nr)) return EPERM;
  if (abi.enosys.includes(nr)) return ENOSYS;
  if (nr === abi.clone) return (first & NESTED) !== 0n ? EPERM : ALLOW;
  if (nr === abi.unshare) return (first & (NESTED | NEWTIME)) !== 0n ? EPERM : ALLOW;
  if (nr === abi.setns) return (second & (NESTED | NEWTIME)) !== 0n ? EPERM : ALLOW;
  if (nr === abi.ioctl) return [0x5412n, 0x541cn].includes(second & 0xffffffffn) ? EPERM : ALLOW;
  return ALLOW;
}
