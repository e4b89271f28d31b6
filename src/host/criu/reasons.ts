/** Why CRIU could not do it: its log has the error that came first, in words for those who know its sources. */
import { readFileSync } from 'node:fs';

const UNREAD = 'a netlink socket has unread data';
const WAITING = 'a connection that nobody has accepted yet has unread data';
const CARRYING = 'messages wait in a socket that carry credentials or descriptors';

/** Whether it may be over in a moment: services talk to each other all the time. */
export function isPassing(reason: string): boolean {
  return [UNREAD, WAITING, CARRYING].includes(reason);
}

/** What it writes, and what it means to whoever runs containers. */
const MEANINGS: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [
    /Can't dump nested (\w+) namespace for (\d+)/,
    ([, kind, pid]) => `process ${pid} has a ${kind} namespace of its own`,
  ],
  [/io_uring/, () => 'a process uses io_uring'],
  [/(?:proto|protocol) 262|MPTCP/i, () => 'a process has a socket of MPTCP'],
  [
    /Can't dump ghost file (\S+) of (\d+) size/,
    ([, path, size]) => `a file of ${size} bytes is deleted but open: ${path}`,
  ],
  [/(\S+) is a fuse mount but not external/, ([, path]) => `a FUSE file system is mounted at ${path}`],
  [
    /Can't dump that handle|fsnotify: .*handle/,
    () => 'a file is watched that cannot be found again (inotify)',
  ],
  [
    /seize.*(\d+).*(?:already|traced)|pid: (\d+) is already traced/i,
    ([, a, b]) => `process ${a ?? b} is traced by a debugger`,
  ],
  [/The socket has data to read/, () => UNREAD],
  [/Non-empty write queue on an in-flight socket/, () => WAITING],
  [/Control messages in queue/, () => CARRYING],
  [/External socket is used|external stream connection/i, () => 'a socket leads out of the container'],
  [
    /Can't lookup mount=\S+ for fd=(\d+) path=(\S+)/,
    ([, , path]) => `a file is open that the container has no mount of: ${path}`,
  ],
  [
    /unsupported (?:proto|socket|family|type)[^:]*/i,
    ([what]) => `a process has a socket that cannot be restored (${what})`,
  ],
];

/** What nothing follows from: without CAP_SYS_RESOURCE it makes do with the descriptors that it has. */
const HARMLESS = /RLIMIT_NOFILE/;

/** Of a log of CRIU's; undefined: it tells of no error. */
export function reasonIn(text: string): string | undefined {
  const errors = [...text.matchAll(/^\([\d.]+\)\s*(?:\d+: )?Error \([^)]*\): (.*)$/gm)]
    .map(([, line]) => line ?? '')
    .filter((line) => !HARMLESS.test(line));
  for (const line of errors)
    for (const [pattern, mean] of MEANINGS) {
      const found = pattern.exec(line);
      if (found) return mean(found);
    }
  return errors[0]?.replace(/^\w+: /, '');
}

export function reasonFrom(path: string): string | undefined {
  try {
    return reasonIn(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
