/** What limits must be to each other, so that each of them means something to Linux. */
import { formatLimit, PAGE_SIZE, UNLIMITED } from './units.js';
import type { ConfigFinding, ValidateOptions } from './validate.js';
import type { Limits } from './validate-limits.js';

export type Rule = (limits: Limits, options: ValidateOptions) => readonly ConfigFinding[];

/** A thread's stack in the kernel, which counts as the container's memory: 16 KiB on x86-64 and arm64. */
const STACK_PAGES = 4n;

const halves: Rule = ({ all }) =>
  [...all]
    .filter(([, { barrier, limit }]) => barrier > limit)
    .map(([key, { limit }]) => ({
      level: 'error',
      message: `${key}: the barrier is higher than the limit`,
      repair: [key, formatLimit({ barrier: limit, limit })],
    }));

const expected: Rule = ({ limit, barrier }) => {
  const [most, usual] = [limit('NUMPROC'), barrier('AVNUMPROC')];
  if (most === undefined || usual === undefined || usual <= most) return [];
  return [
    {
      level: 'error',
      message: 'AVNUMPROC: more processes are expected than NUMPROC allows',
      repair: ['AVNUMPROC', formatLimit({ barrier: most, limit: most })],
    },
  ];
};

const memory: Rule = ({ limit }, { vswap }) => {
  if (limit('PHYSPAGES') !== undefined || vswap === false) return [];
  const allocation = limit('PRIVVMPAGES');
  if (allocation !== undefined && allocation > 0n)
    return [
      {
        level: vswap ? 'error' : 'warning',
        message: 'PRIVVMPAGES: limits nothing on Linux, and there is no PHYSPAGES, which does',
        repair: ['PHYSPAGES', formatLimit({ barrier: 0n, limit: allocation })],
      },
    ];
  return [
    {
      level: vswap ? 'error' : 'recommendation',
      message: "PHYSPAGES: is not set, so the container may take all of the host's memory",
    },
  ];
};

/** Above the container's own limit nothing is kept for it, and nothing can be locked or shared. */
const withinMemory: Rule = ({ limit, barrier, all }) => {
  const ram = limit('PHYSPAGES');
  if (ram === undefined) return [];
  const guarantees = ['VMGUARPAGES', 'OOMGUARPAGES'].filter((key) => (barrier(key) ?? 0n) > ram);
  const swap = all.has('SWAPPAGES') ? limit('SWAPPAGES') : undefined;
  const limits = [
    ['LOCKEDPAGES', ram],
    ['SHMPAGES', swap === undefined ? UNLIMITED : ram + swap],
  ] as const;
  return [
    ...guarantees.map((key): ConfigFinding => {
      const most = all.get(key)?.limit ?? UNLIMITED;
      const message = `${key}: more memory is guaranteed than PHYSPAGES allows`;
      return { level: 'warning', message, repair: [key, formatLimit({ barrier: ram, limit: most })] };
    }),
    ...limits
      .filter(([key, most]) => (limit(key) ?? 0n) > most)
      .map(([key, most]): ConfigFinding => {
        const message = `${key}: is higher than the memory that the container may have`;
        return { level: 'warning', message, repair: [key, formatLimit({ barrier: most, limit: most })] };
      }),
  ];
};

const stacks: Rule = ({ limit }) => {
  const [ram, most] = [limit('PHYSPAGES'), limit('NUMPROC')];
  if (ram === undefined || most === undefined || most * STACK_PAGES <= ram) return [];
  const fitting = ram / STACK_PAGES;
  return [
    {
      level: 'warning',
      message: `NUMPROC: the kernel's stacks of ${most} processes take more memory than PHYSPAGES allows`,
      ...(fitting > 0n
        ? { repair: ['NUMPROC', formatLimit({ barrier: fitting, limit: fitting })] as const }
        : {}),
    },
  ];
};

const processors: Rule = ({ cpulimit, cpus, named }) => {
  const found: ConfigFinding[] = [];
  if (cpus !== undefined && named !== undefined && cpus > named.length)
    found.push({
      level: 'warning',
      message: `CPUS: is more than the ${named.length} that CPUMASK names`,
      repair: ['CPUS', String(named.length)],
    });
  if (cpus !== undefined && cpulimit !== undefined && cpulimit > cpus * 100)
    found.push({
      level: 'warning',
      message: 'CPULIMIT: is more time than that of CPUS, which counts then',
      repair: ['CPULIMIT', String(cpus * 100)],
    });
  return found;
};

const onHost: Rule = ({ limit, cpus }, { host }) => {
  if (!host) return [];
  const found: ConfigFinding[] = [];
  const ram = limit('PHYSPAGES');
  if (ram !== undefined && ram * BigInt(PAGE_SIZE) > host.memory)
    found.push({ level: 'warning', message: 'PHYSPAGES: is more memory than this host has' });
  if (cpus !== undefined && cpus > host.cpus)
    found.push({ level: 'warning', message: `CPUS: is more than the ${host.cpus} of this host` });
  return found;
};

const ADVICE: readonly (readonly [key: string, missing: string])[] = [
  ['SWAPPAGES', "the container may take all of the host's swap"],
  ['NUMPROC', 'the container may have as many processes as the host'],
  ['DISKSPACE', 'the container may fill the disk'],
];

const missing: Rule = ({ limit }) =>
  ADVICE.filter(([key]) => limit(key) === undefined).map(([key, then]) => ({
    level: 'recommendation',
    message: `${key}: is not set, so ${then}`,
  }));

export const RULES: readonly Rule[] = [
  halves,
  expected,
  memory,
  withinMemory,
  stacks,
  processors,
  onHost,
  missing,
];
