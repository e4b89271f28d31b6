/** Whose a process is, from what the kernel says of it. */
import { describe, expect, it } from 'vitest';
import { parseStat } from '../../../src/host/consumption.js';
import { ctidOf, parseStatus } from '../../../src/host/guest-processes.js';

describe('the container of control groups', () => {
  it.each([
    ['9:name=systemd:/\n4:memory:/cella/101\n0::/\n', 101],
    ['0::/cella/102/init.scope\n', 102],
    ['0::/cella/102/cella/103\n', 102],
    ['4:memory:/cella/101/a:b\n', 101],
    ['4:memory:/\n0::/user.slice\n', undefined],
    ['0::/cella\n', undefined],
    ['0::/cella/\n', undefined],
    ['0::/cella/keeper\n', undefined],
    ['0::/cella/0\n', undefined],
    ['0::/cella/101x\n', undefined],
    ['0::/cella/root-00000000/101\n', undefined],
    ['0::/x/cella/101\n', undefined],
    ['0::/cellar/101\n', undefined],
    ['', undefined],
  ])('in %j is %s', (groups, ctid) => {
    expect(ctidOf(groups, 'cella')).toBe(ctid);
  });

  it('is looked for below what systemd has delegated, and below the group of a root directory', () => {
    const groups = '0::/machine.slice/cella.service/root-0123abcd/101/exec\n';
    expect(ctidOf(groups, 'machine.slice/cella.service/root-0123abcd')).toBe(101);
    expect(ctidOf(groups, 'machine.slice/cella.service')).toBeUndefined();
  });
});

describe('a process', () => {
  it('has a pid of its own in the namespace below ours', () => {
    expect(parseStatus('Name:\tsh\nPid:\t700\nNSpid:\t700\t5\n')).toEqual({ name: 'sh', inner: 5 });
    expect(parseStatus('Name:\tsh\nNSpid:\t700\t5\t1\n')).toEqual({ name: 'sh', inner: 5 });
    expect(parseStatus('Name:\tsh\nNSpid:\t700\n')).toEqual({ name: 'sh', inner: null });
    // The kernel writes a line feed in a name as \n.
    expect(parseStatus('Name:\ta\\nNSpid:\t1\t1\nNSpid:\t700\t5\n').inner).toBe(5);
    expect(parseStatus('')).toEqual({ name: '', inner: null });
  });

  it('has used what it and its children have, whatever it calls itself', () => {
    const rest = '1 700 700 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 7 0 999';
    expect(parseStat(`700 (a) b) S ${rest}`)).toEqual({ ticks: 4330n, threads: 7 });
    expect(parseStat('')).toEqual({ ticks: 0n, threads: 0 });
  });
});
