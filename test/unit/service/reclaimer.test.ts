/** When memory is taken from containers that do nothing, and how much. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCtid } from '../../../src/config/ctid.js';
import { Idle } from '../../../src/service/idle.js';
import { Reclaimer, type Target } from '../../../src/service/reclaimer.js';

const MINUTE = 60_000;
const CT = parseCtid('101');

describe('a container', () => {
  it('is idle once it has done nothing for long enough', () => {
    const idle = new Idle();
    expect(idle.look(101, 500, 0, 2 * MINUTE)).toBe(false);
    expect(idle.look(101, 500, MINUTE, 2 * MINUTE)).toBe(false);
    // A timer went off.
    expect(idle.look(101, 550, 2 * MINUTE, 2 * MINUTE)).toBe(true);
    expect(idle.look(101, 560, 3 * MINUTE, 2 * MINUTE)).toBe(true);
  });

  it('is not when it works, nor when it was started anew', () => {
    const idle = new Idle();
    idle.look(101, 0, 0, MINUTE);
    expect(idle.look(101, 5000, MINUTE, MINUTE)).toBe(false);
    expect(idle.look(101, 10, 2 * MINUTE, MINUTE)).toBe(false);
    expect(idle.look(101, 10, 3 * MINUTE, MINUTE)).toBe(true);
    idle.keep([]);
    expect(idle.look(101, 10, 4 * MINUTE, MINUTE)).toBe(false);
  });

  it('is left alone once what is left is in use, until it has worked again', () => {
    const idle = new Idle();
    idle.look(101, 0, 0, MINUTE);
    expect(idle.look(101, 0, MINUTE, MINUTE)).toBe(true);
    idle.noteSpent(101);
    expect(idle.look(101, 0, 2 * MINUTE, MINUTE)).toBe(false);
    expect(idle.look(101, 5000, 3 * MINUTE, MINUTE)).toBe(false);
    expect(idle.look(101, 5000, 4 * MINUTE, MINUTE)).toBe(true);
  });
});

describe('the service', () => {
  const group = mkdtempSync(`${tmpdir()}/group-`);
  const file = `${group}/memory.reclaim`;
  afterAll(() => rmSync(group, { recursive: true }));
  beforeEach(() => writeFileSync(file, ''));

  const problems: string[] = [];
  const reclaimer = (minutes: number | (() => number), target: Partial<Target> = {}) =>
    new Reclaimer({
      patience: () => (typeof minutes === 'number' ? minutes : minutes()),
      running: () => [CT],
      target: () => ({ group, cpuMicroseconds: 7n, memory: 50_000n, ...target }),
      problem: (_, error) => problems.push((error as Error).message),
    });
  const looks = async (at: Reclaimer): Promise<string> => {
    for (const time of [0, MINUTE, 2 * MINUTE]) await at.look(time);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };

  it('takes a tenth of what an idle one has', async () => {
    expect(await looks(reclaimer(2))).toBe('5000');
    expect(problems).toEqual([]);
  });

  it('takes nothing where nobody asked for it, or nobody can say', async () => {
    expect(await looks(reclaimer(0))).toBe('');
    expect(await looks(reclaimer(1, { cpuMicroseconds: null }))).toBe('');
    const broken = () => {
      throw new Error('vz.conf is broken');
    };
    expect(await looks(reclaimer(broken))).toBe('');
    expect(problems).toEqual([]);
  });

  it('says once that the host cannot', async () => {
    await looks(reclaimer(1, { group: null }));
    expect(problems).toEqual([expect.stringContaining('RECLAIM_IDLE: no effect on this host')]);
  });
});
