/** Device policies: the program says what the rules say, for every device and every way of using it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accessLine,
  DEFAULT_ACCESS,
  type DeviceAccess,
  deviceProgram,
  mergeAccess,
  withDefaults,
} from '../../../src/plan/device-policy.js';
import { runDeviceProgram } from '../../helpers/ebpf.js';

const BITS = { m: 1, r: 2, w: 4 } as const;
const letters = fc.subarray(['r', 'w', 'm'] as const).map((some) => some.join(''));
// Few numbers, so that they meet.
const rule: fc.Arbitrary<DeviceAccess> = fc.record({
  type: fc.constantFrom('b' as const, 'c' as const),
  major: fc.nat({ max: 3 }),
  minor: fc.option(fc.nat({ max: 3 })),
  access: letters,
});

/** Whether one device's rules, taken together, allow all that is asked for. */
function allows(
  rules: readonly DeviceAccess[],
  type: 'b' | 'c',
  major: number,
  minor: number,
  access: number,
): boolean {
  return [minor, null].some((at) => {
    const allowed = rules
      .filter((one) => one.type === type && one.major === major && one.minor === at)
      .flatMap((one) => [...one.access] as (keyof typeof BITS)[])
      .reduce((bits, letter) => bits | BITS[letter], 0);
    return allowed !== 0 && (access & ~allowed) === 0;
  });
}

describe('the program', () => {
  it('allows what one of the rules allows, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 8 }), (rules) => {
        const program = deviceProgram(rules);
        for (const type of ['b', 'c'] as const)
          for (let major = 0; major <= 4; major += 1)
            for (let minor = 0; minor <= 4; minor += 1)
              for (let access = 1; access <= 7; access += 1)
                expect(
                  runDeviceProgram(program, { type: type === 'b' ? 1 : 2, access, major, minor }) === 1,
                ).toBe(allows(rules, type, major, minor, access));
      }),
      { numRuns: 200 },
    );
  });

  it('takes the largest numbers', () => {
    const program = deviceProgram([{ type: 'b', major: 4095, minor: 1_048_575, access: 'r' }]);
    expect(runDeviceProgram(program, { type: 1, access: 2, major: 4095, minor: 1_048_575 })).toBe(1);
    expect(runDeviceProgram(program, { type: 1, access: 2, major: 4095, minor: 1_048_574 })).toBe(0);
  });

  it('refuses everything where there is no rule', () => {
    expect(runDeviceProgram(deviceProgram([]), { type: 2, access: 1, major: 1, minor: 3 })).toBe(0);
  });
});

describe('rules', () => {
  it('are lines of cgroup v1', () => {
    expect(DEFAULT_ACCESS.map(accessLine)).toEqual([
      'c 1:3 rwm',
      'c 1:5 rwm',
      'c 1:7 rwm',
      'c 1:8 rwm',
      'c 1:9 rwm',
      'c 5:0 rwm',
      'c 5:1 rwm',
      'c 5:2 rwm',
      'c 136:* rwm',
    ]);
  });

  it('of one device become one, without those that allow nothing', () => {
    const tun = { type: 'c', major: 10, minor: 200 } as const;
    expect(
      mergeAccess([
        { ...tun, access: 'w' },
        { ...tun, access: 'r' },
        { ...tun, minor: 1, access: '' },
      ]),
    ).toEqual([{ ...tun, access: 'rw' }]);
  });

  it('take the place of the usual one for that device', () => {
    const lines = withDefaults([{ type: 'c', major: 1, minor: 5, access: 'w' }]).map(accessLine);
    expect(lines.filter((line) => line.startsWith('c 1:5'))).toEqual(['c 1:5 w']);
    expect(lines).toHaveLength(DEFAULT_ACCESS.length);
  });
});
