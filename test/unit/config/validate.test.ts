/** Whether limits go together, and how they are made to. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repairConfig, validateConfig } from '../../../src/config/validate.js';

const SOUND = 'PHYSPAGES="0:65536"\nSWAPPAGES="0:0"\nNUMPROC="100:100"\nDISKSPACE="1048576:1048576"\n';

/** Messages, by their level's first letter. */
const found = (text: string, options = {}) =>
  validateConfig(text, 'file', options).map(({ level, message }) => `${level[0]}: ${message}`);
const repaired = (text: string) => repairConfig(text, 'file').text;

describe('limits', () => {
  it('that go together are not complained of', () => {
    expect(found(SOUND)).toEqual([]);
  });

  it('that are missing are recommended', () => {
    expect(found('')).toEqual([
      "r: PHYSPAGES: is not set, so the container may take all of the host's memory",
      "r: SWAPPAGES: is not set, so the container may take all of the host's swap",
      'r: NUMPROC: is not set, so the container may have as many processes as the host',
      'r: DISKSPACE: is not set, so the container may fill the disk',
    ]);
    expect(found('', { vswap: true })[0]).toMatch(/^e: PHYSPAGES/);
    expect(found('', { vswap: false })[0]).toMatch(/^r: SWAPPAGES/);
  });

  it.each([
    ['DISKINODES="200:100"', 'e: DISKINODES: the barrier is higher than the limit', 'DISKINODES="100:100"'],
    [
      'AVNUMPROC="200:200"',
      'e: AVNUMPROC: more processes are expected than NUMPROC allows',
      'AVNUMPROC="100:100"',
    ],
    [
      'VMGUARPAGES="70000:unlimited"',
      'w: VMGUARPAGES: more memory is guaranteed than PHYSPAGES allows',
      'VMGUARPAGES="65536:unlimited"',
    ],
    [
      'LOCKEDPAGES="70000:70000"',
      'w: LOCKEDPAGES: is higher than the memory that the container may have',
      'LOCKEDPAGES="65536:65536"',
    ],
    [
      'CPUS="2"\nCPULIMIT="300"',
      'w: CPULIMIT: is more time than that of CPUS, which counts then',
      'CPULIMIT="200"',
    ],
    ['CPUMASK="0-1"\nCPUS="3"', 'w: CPUS: is more than the 2 that CPUMASK names', 'CPUS="2"'],
  ])('%s are told, and put right', (line, complaint, repair) => {
    const text = `# Mine.\n${SOUND}${line}\nNOBODYS="kept"\n`;
    expect(found(text)).toEqual([complaint]);
    const after = repaired(text);
    expect(found(after)).toEqual([]);
    expect(after).toContain(repair);
    expect(after).toContain('# Mine.\n');
    expect(after).toContain('NOBODYS="kept"\n');
  });

  it('of processes have to leave room for their stacks', () => {
    const text = SOUND.replace('100:100', '20000:20000');
    expect(found(text)).toEqual([
      "w: NUMPROC: the kernel's stacks of 20000 processes take more memory than PHYSPAGES allows",
    ]);
    expect(repaired(text)).toContain('NUMPROC="16384:16384"');
  });

  it('of OpenVZ that Linux does not know become those that it does', () => {
    const text = SOUND.replace('PHYSPAGES="0:', 'PRIVVMPAGES="60000:');
    expect(found(text)[0]).toMatch(/^w: PRIVVMPAGES/);
    expect(repaired(text)).toContain('PHYSPAGES="0:65536"');
    expect(repairConfig(text, 'file').changes).toEqual([{ key: 'PHYSPAGES', from: null, to: '0:65536' }]);
  });

  it('are compared with the host', () => {
    const host = { memory: 1n << 20n, cpus: 1 };
    expect(found(`${SOUND}CPUS="2"\n`, { host })).toEqual([
      'w: PHYSPAGES: is more memory than this host has',
      'w: CPUS: is more than the 1 of this host',
    ]);
  });

  it('that cannot be read are refused, each of them', () => {
    expect(() => validateConfig('PHYSPAGES="lots"\nwhat is this\n', 'file')).toThrow(/file:1: .*\nfile:2: /);
  });

  it('have nothing left that could be repaired once they are, and are repaired once', () => {
    const limit = fc.oneof(
      fc.tuple(fc.nat(100_000), fc.integer({ min: 1, max: 100_000 })).map(([a, b]) => `${a}:${b}`),
      fc.constant('unlimited'),
    );
    const keys = ['PHYSPAGES', 'SWAPPAGES', 'VMGUARPAGES', 'OOMGUARPAGES', 'LOCKEDPAGES', 'SHMPAGES'];
    const more = ['PRIVVMPAGES', 'NUMPROC', 'AVNUMPROC', 'DISKSPACE', 'DISKINODES', 'NUMPTY'];
    const files = fc
      .uniqueArray(fc.tuple(fc.constantFrom(...keys, ...more), limit), { selector: ([key]) => key })
      .map((lines) => lines.map(([key, value]) => `${key}="${value}"\n`).join(''));
    fc.assert(
      fc.property(files, (text) => {
        const after = repaired(text);
        const left = validateConfig(after, 'file').filter(
          ({ level, repair }) => level !== 'recommendation' && repair,
        );
        expect(left).toEqual([]);
        expect(repaired(after)).toBe(after);
      }),
    );
  });
});
