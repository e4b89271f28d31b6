/** What lets more containers fit into memory. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { whyNoKsm } from '../ksm.js';
import { type Check, lacking, type Outcome, ok } from './finding.js';

/** `run`: what /sys/kernel/mm/ksm/run holds. */
export function judgeKsm(why: string | undefined, run: string): Outcome {
  if (why !== undefined) return lacking(why);
  return run === '1'
    ? ok('the kernel looks for equal pages')
    : lacking('the kernel does not look for equal pages');
}

export interface Swap {
  /** The text of /proc/swaps. */
  readonly swaps: string;
  /** Of the module's parameter; undefined: the kernel has none. */
  readonly zswap: string | undefined;
  /** Names of such devices. */
  readonly zram: readonly string[];
}

export function judgeSwap({ swaps, zswap, zram }: Swap): Outcome {
  const devices = swaps.split('\n').slice(1).filter(Boolean);
  if (devices.length === 0) return lacking('there is no swap');
  const compressed = zram.find((name) => devices.some((line) => line.startsWith(`/dev/${name} `)));
  if (compressed !== undefined) return ok(compressed);
  return zswap === 'Y' ? ok('zswap') : lacking('swap is not compressed');
}

const read = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;

export const MEMORY: readonly Check[] = [
  {
    subject: 'equal pages',
    consequence: '--ksm has no effect',
    advice: 'Write 1 to /sys/kernel/mm/ksm/run, with Linux 6.7 or newer.',
    probe: () => judgeKsm(whyNoKsm(), read('/sys/kernel/mm/ksm/run') ?? ''),
  },
  {
    subject: 'compressed swap',
    consequence: 'memory that containers do not use goes to a disk, or stays',
    advice:
      'Make swap on zram, or write Y to /sys/module/zswap/parameters/enabled where there is swap on a disk.',
    probe: () =>
      judgeSwap({
        swaps: read('/proc/swaps') ?? '',
        zswap: read('/sys/module/zswap/parameters/enabled'),
        zram: existsSync('/sys/block')
          ? readdirSync('/sys/block').filter((name) => name.startsWith('zram'))
          : [],
      }),
  },
];
