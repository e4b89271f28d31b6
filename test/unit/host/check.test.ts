/** check: what facts are taken for. */
import { describe, expect, it } from 'vitest';
import { judgeController, judgeVersion, versionOf } from '../../../src/host/check/cgroups.js';
import { type Check, judge, lacking, ok, UNTRIED } from '../../../src/host/check/finding.js';
import { judgeRelease } from '../../../src/host/check/kernel.js';
import { judgeKsm, judgeSwap } from '../../../src/host/check/memory.js';
import { judgeRoom } from '../../../src/host/check/storage.js';
import type { CgroupMounts } from '../../../src/plan/cgroup.js';

describe('a finding', () => {
  const at = { area: '/', isRoot: true };
  const check = (probe: Check['probe']): Check => ({
    subject: 'x',
    consequence: 'nothing works',
    advice: 'Buy one.',
    probe,
  });

  it('says what to do only of what is lacking', async () => {
    expect(
      await judge(
        check(() => ok('there')),
        at,
      ),
    ).toEqual({
      subject: 'x',
      state: 'ok',
      required: false,
      fact: 'there',
      consequence: null,
      advice: null,
    });
    expect(await judge({ ...check(() => lacking('none')), required: true }, at)).toMatchObject({
      state: 'lacking',
      required: true,
      consequence: 'nothing works',
      advice: 'Buy one.',
    });
    expect(
      await judge(
        check(() => UNTRIED),
        at,
      ),
    ).toMatchObject({ advice: 'Ask again as root.' });
  });

  it('is lacking what fails, in one line', async () => {
    const failing = check(async () => {
      throw new Error('no such thing\nat all');
    });
    expect(await judge(failing, at)).toMatchObject({ state: 'lacking', fact: 'no such thing' });
  });
});

it.each([
  ['5.18.99', 'lacking'],
  ['5.19.0', 'ok'],
  ['5.20', 'ok'],
  ['6.1.0-18-amd64', 'ok'],
  ['4.20.0', 'lacking'],
  ['10.0', 'ok'],
  ['', 'lacking'],
])('kernel %j: %s', (release, state) => expect(judgeRelease(release).state).toBe(state));

describe('control groups', () => {
  const none: CgroupMounts = { delegation: null, v2: null, v1: {}, swapV1: false, cpuCount: 1 };
  const v2 = { mount: '/sys/fs/cgroup', controllers: ['memory', 'io'] };

  it.each([
    [none, undefined, 'lacking'],
    [{ ...none, v2 }, 'v2', 'ok'],
    // The hierarchy of systemd has no controller.
    [{ ...none, v2, v1: { 'name=systemd': '/x' } }, 'v2', 'ok'],
    [{ ...none, v2, v1: { memory: '/x' } }, 'hybrid', 'ok'],
    [{ ...none, v1: { memory: '/x', freezer: '/y' } }, 'v1', 'ok'],
    [{ ...none, v1: { memory: '/x' } }, 'v1', 'lacking'],
    [{ ...none, v1: { 'name=systemd': '/x' } }, undefined, 'lacking'],
  ] as const)('%j', (mounts, version, state) => {
    expect(versionOf(mounts)).toBe(version);
    expect(judgeVersion(mounts).state).toBe(state);
  });

  it('have controllers in either version, by its names', () => {
    expect(judgeController({ ...none, v2 }, 'io')).toEqual(ok('v2'));
    expect(judgeController({ ...none, v2, v1: { pids: '/x' } }, 'pids')).toEqual(ok('v1'));
    expect(judgeController({ ...none, v1: { blkio: '/x' } }, 'io')).toEqual(ok('v1'));
    expect(judgeController({ ...none, v2 }, 'cpu').state).toBe('lacking');
  });
});

it.each([
  [{ bytes: 73n << 30n, files: 5_000_000n }, 'ok', '73 GiB, 5000000 files'],
  [{ bytes: 3n << 29n, files: null }, 'ok', '1.5 GiB'],
  [{ bytes: 73n << 30n, files: 9n }, 'lacking', '73 GiB, 9 files'],
  [{ bytes: 0n, files: null }, 'lacking', '0 GiB'],
])('room %o: %s', (room, state, fact) => expect(judgeRoom(room)).toEqual({ state, fact }));
describe('memory', () => {
  it('is merged where the kernel can, and does', () => {
    expect(judgeKsm(undefined, '1').state).toBe('ok');
    expect(judgeKsm(undefined, '0')).toMatchObject({
      state: 'lacking',
      fact: expect.stringContaining('look'),
    });
    expect(judgeKsm('it takes Linux 6.7', '1')).toEqual({ state: 'lacking', fact: 'it takes Linux 6.7' });
  });

  it.each([
    ['', 'N', [], 'lacking', 'there is no swap'],
    ['/dev/sda2 partition 1 0 -2', 'N', ['zram0'], 'lacking', 'swap is not compressed'],
    ['/dev/sda2 partition 1 0 -2', undefined, [], 'lacking', 'swap is not compressed'],
    ['/dev/sda2 partition 1 0 -2', 'Y', [], 'ok', 'zswap'],
    ['/dev/sda2 partition 1 0 -2\n/dev/zram0 partition 1 0 100', 'N', ['zram0'], 'ok', 'zram0'],
  ] as const)('has its swap compressed: %j, zswap %j, %j', (line, zswap, zram, state, fact) => {
    const swaps = `Filename Type Size Used Priority\n${line}\n`;
    expect(judgeSwap({ swaps, zswap, zram })).toEqual({ state, fact });
  });
});
