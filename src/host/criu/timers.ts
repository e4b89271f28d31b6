/**
 * Timers that go off at a time rather than after one: CRIU adds only the seconds of the new clock to theirs
 * (timerfd.c), so that they come up to a second late, each time. Made relative, they are restored as they are.
 */
import { closeSync } from 'node:fs';
import { native } from '../../native/binding.js';
import { descriptorsOf, linkOf, pidsBelow, readOf } from '../guest-processes.js';

const REALTIME = '0';
const ABSOLUTE = 1;

/** Of all processes in a control group or below it. Those of the wall clock stay as they are: they are meant by it. */
export function makeTimersRelative(group: string): void {
  for (const pid of pidsBelow(group)) {
    const descriptors = timersOf(pid);
    if (descriptors.length === 0) continue;
    const pidfd = native().openPid(pid);
    if (pidfd < 0) continue;
    try {
      for (const descriptor of descriptors) native().relativeTimer(pidfd, Number(descriptor));
    } finally {
      closeSync(pidfd);
    }
  }
}

/** Descriptors of a process that are such timers. */
function timersOf(pid: number): readonly string[] {
  return descriptorsOf(pid).filter((descriptor) => {
    if (linkOf(pid, `fd/${descriptor}`) !== 'anon_inode:[timerfd]') return false;
    const told = readOf(pid, `fdinfo/${descriptor}`) ?? '';
    const field = (name: string): string | undefined => new RegExp(`^${name}: *(\\S+)$`, 'm').exec(told)?.[1];
    return (
      field('clockid') !== REALTIME && (Number.parseInt(field('settime flags') ?? '0', 8) & ABSOLUTE) !== 0
    );
  });
}
