/** vzps: what ps was asked, and which line of its answer is of which process. */
import { describe, expect, it } from 'vitest';
import { readListing, selects } from '../../../src/cli/ps-listing.js';

describe('a selection', () => {
  it.each([
    '-e',
    '-A',
    'aux',
    '-ef',
    'ax',
    '-u root',
    '-uroot',
    'U root',
    '-p 1',
    '--pid 1',
    '--pid=1',
    '1',
    '-1',
    'r',
    'T',
  ])('is in %j', (words) => expect(selects(words.split(' '))).toBe(true));
  it.each([
    '',
    'u',
    '-f',
    '-o pid,args',
    '-o args',
    'o args',
    '-fo user,args',
    'l',
    'f',
    '--forest',
    '--sort pid',
    '-L',
    'k -pid',
    'ww',
  ])('is not in %j', (words) => expect(selects(words.split(' ').filter(Boolean))).toBe(false));
});

describe('a listing', () => {
  const pids = (text: string) => readListing(text)?.rows.map(({ pid }) => pid);

  it.each([
    ['  PID TTY          TIME CMD\n    7 ?        00:00:00 init\n', [7]],
    ['USER       PID %CPU COMMAND\n1048576     71  0.0 a 8\n1048576     72  0.0 b\n', [71, 72]],
    ['F S   UID   PID  PPID CMD\n4 S     0    12     1 x\n', [12]],
    // Threads of ps m.
    [
      '  PID TTY      STAT COMMAND\n    7 ?        -    init\n    - -        Ss   -\n    8 ?        -    x\n',
      [7, 7, 8],
    ],
    // Of --headers.
    ['  PID CMD\n    7 x\n  PID CMD\n    8 y\n', [7, 8]],
    ['  PID CMD\n', []],
  ])('%j is of %j', (text, expected) => expect(pids(text)).toEqual(expected));

  it.each([
    ['no header', '    7 ?        00:00:00 init\n'],
    ['words of a process before the pid', 'COMMAND           PID\n1 2                 7\n'],
    ['a column of labels before it', 'LABEL                             PID TTY\nx (enforce)  7 ?\n'],
    ['nothing', ''],
  ])('with %s does not say', (_, text) => expect(readListing(text)).toBeUndefined());
});
