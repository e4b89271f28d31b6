/** An equal part of a host for each of several containers, as a sample configuration. Pure. */
import { PAGE_SIZE } from '../../config/units.js';
import { CellaError } from '../../errors.js';

/** What there is to be split: bytes, things; null: not bounded. */
export interface Splittable {
  readonly memory: bigint;
  readonly swap: bigint;
  readonly tasks: number;
  /** Free ones. */
  readonly disk: bigint;
  readonly inodes: bigint | null;
}

/** For one container: pages, KiB, things. */
export interface Split {
  readonly ramPages: bigint;
  readonly swapPages: bigint;
  readonly processes: bigint;
  readonly diskBlocks: bigint;
  readonly inodes: bigint | null;
}

/** The host keeps a tenth of everything, and of memory no less than this. */
const HOST_PARTS = 10n;
const HOST_MEMORY = 256n << 20n;
/** A busybox takes a few MiB: with less than this there is nothing left to work with. */
const LEAST_MEMORY = 16n << 20n;
/** A thread's stack in the kernel and the least of page tables: more processes than that cannot all be there. */
const PAGES_OF_PROCESS = 8n;

/** Throws BAD_VALUE for more containers than there is memory for. */
export function splitHost(host: Splittable, count: number): Split {
  const own = host.memory / HOST_PARTS;
  const memory = host.memory - (own > HOST_MEMORY ? own : HOST_MEMORY);
  const most = memory > 0n ? memory / LEAST_MEMORY : 0n;
  if (BigInt(count) > most)
    throw new CellaError('BAD_VALUE', `${count} containers would have less than 16 MiB of memory each`, {
      hint: `Split the host into ${most} at most.`,
    });
  const part = (amount: bigint): bigint => amount / BigInt(count);
  const ramPages = part(memory) / BigInt(PAGE_SIZE);
  const processes = part(BigInt(host.tasks) - BigInt(host.tasks) / HOST_PARTS);
  return {
    ramPages,
    swapPages: part(host.swap) / BigInt(PAGE_SIZE),
    processes: least(processes, ramPages / PAGES_OF_PROCESS),
    diskBlocks: part(host.disk - host.disk / HOST_PARTS) / 1024n,
    inodes: host.inodes === null ? null : part(host.inodes - host.inodes / HOST_PARTS),
  };
}

export function splitText(split: Split, count: number): string {
  const { ramPages, swapPages, processes, diskBlocks, inodes } = split;
  const both = (amount: bigint): string => `${amount}:${amount}`;
  return `# One of ${count} equal parts of a host, a tenth of which is its own.
PHYSPAGES="0:${ramPages}"
SWAPPAGES="0:${swapPages}"
VMGUARPAGES="${ramPages}:unlimited"
NUMPROC="${both(processes)}"
DISKSPACE="${both(diskBlocks)}"
${inodes === null ? '' : `DISKINODES="${both(inodes)}"\n`}CPUUNITS="1000"
`;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
