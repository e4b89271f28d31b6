import { expect, it } from 'vitest';
import { isPassing, reasonIn } from '../../../src/host/criu/reasons.js';

const log = (...lines: readonly string[]): string =>
  [
    '(00.000123) Version: 4.2.1 (gitid 0)',
    ...lines,
    '(00.200000) Error (criu/cr-dump.c:2111): Dumping FAILED.',
  ].join('\n');

it.each([
  [
    "(00.1) Error (criu/namespaces.c:1234): Can't dump nested uts namespace for 57",
    'process 57 has a uts namespace of its own',
  ],
  [
    "(00.1) Error (criu/files.c:1): Can't dump file 7 of that type [600] (unknown anon_inode:[io_uring])",
    'a process uses io_uring',
  ],
  [
    "(00.1) Error (criu/files-reg.c:1): Can't dump ghost file /var/log/big of 999999 size, increase limit",
    'a file of 999999 bytes is deleted but open: /var/log/big',
  ],
  [
    '(00.1) Error (criu/mount.c:1): 12:./mnt is a fuse mount but not external',
    'a FUSE file system is mounted at 12:./mnt',
  ],
])('says what it means: %s', (line, meaning) => {
  expect(reasonIn(log(line))).toBe(meaning);
});

it('takes the first error, without the name of the part, where it does not know what that means', () => {
  const text = log(
    '(00.1) Warn  (criu/x.c:1): nothing bad',
    '(00.1)    123: Error (criu/tty.c:9): tty: Found slave peer index 0 without correspond master peer',
    '(00.1) Error (criu/x.c:1): what follows from that',
  );
  expect(reasonIn(text)).toBe('Found slave peer index 0 without correspond master peer');
});

it('knows a log without an error', () => {
  expect(reasonIn('(00.1) all is well\n')).toBeUndefined();
  expect(reasonIn('')).toBeUndefined();
});

it('tells what may be over in a moment', () => {
  const passing = log('(00.1) Error (criu/sk-queue.c:1): skqueue: Control messages in queue, not supported');
  expect(isPassing(reasonIn(passing) ?? '')).toBe(true);
  expect(isPassing(reasonIn(log('(00.1) Error (criu/x.c:1): anything else')) ?? '')).toBe(false);
});
