/** Numbers of the system calls that a filter names: x86-64, i386, arm64 (asm/unistd.h of each). */

type Numbers = readonly [x64: number | null, i386: number | null, arm64: number | null];

export const SYSCALLS = {
  clone: [56, 120, 220],
  clone3: [435, 435, 435],
  unshare: [272, 310, 97],
  setns: [308, 346, 268],
  ioctl: [16, 54, 29],
  statx: [332, 383, 291],
  kexec_load: [246, 283, 104],
  kexec_file_load: [320, null, 294],
  open_by_handle_at: [304, 342, 265],
  init_module: [175, 128, 105],
  finit_module: [313, 350, 273],
  delete_module: [176, 129, 106],
  add_key: [248, 286, 217],
  request_key: [249, 287, 218],
  keyctl: [250, 288, 219],
  bpf: [321, 357, 280],
  perf_event_open: [298, 336, 241],
  userfaultfd: [323, 374, 282],
  acct: [163, 51, 89],
  swapon: [167, 87, 224],
  swapoff: [168, 115, 225],
  quotactl: [179, 131, 60],
  quotactl_fd: [443, 443, 443],
  settimeofday: [164, 79, 170],
  stime: [null, 25, null],
  clock_settime: [227, 264, 112],
  clock_settime64: [null, 404, null],
  clock_adjtime: [305, 343, 266],
  clock_adjtime64: [null, 405, null],
  adjtimex: [159, 124, 171],
  iopl: [172, 110, null],
  ioperm: [173, 101, null],
  nfsservctl: [180, 169, 42],
  lookup_dcookie: [212, 253, 18],
  io_uring_setup: [425, 425, 425],
  io_uring_enter: [426, 426, 426],
  io_uring_register: [427, 427, 427],
} as const satisfies Record<string, Numbers>;

export type SyscallName = keyof typeof SYSCALLS;

export function syscallNumber(name: SyscallName, abi: 'x64' | 'i386' | 'arm64'): number | null {
  return SYSCALLS[name][{ x64: 0, i386: 1, arm64: 2 }[abi]] ?? null;
}
