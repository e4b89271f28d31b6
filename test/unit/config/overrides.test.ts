/** Command-line parameters to saved values. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContainerConfig } from '../../../src/config/container-config.js';
import { parseCtid } from '../../../src/config/ctid.js';
import { applyEdits, type Edits } from '../../../src/config/edits.js';
import { getSettings, parseConfig } from '../../../src/config/grammar.js';
import { changesFromOptions } from '../../../src/config/overrides.js';
import { findByKey, PARAMETERS } from '../../../src/config/parameters.js';

const change = (name: string, value: string) => Object.fromEntries(changesFromOptions({ [name]: value }));

describe('changesFromOptions', () => {
  it.each([
    ['ram', '256M', { PHYSPAGES: '0:65536' }],
    ['ram', '268435456', { PHYSPAGES: '0:65536' }],
    ['ram', 'unlimited', { PHYSPAGES: '0:unlimited' }],
    ['swap', '0', { SWAPPAGES: '0:0' }],
    ['physpages', '100:200', { PHYSPAGES: '100:200' }],
    ['swappages', '8K', { SWAPPAGES: '2:2' }],
    ['numproc', '50', { NUMPROC: '50:50' }],
    ['stopTimeout', '5', { STOP_TIMEOUT: '5' }],
    ['stop-timeout', '5', { STOP_TIMEOUT: '5' }],
    ['local_uid', '0', { LOCAL_UID: '0' }],
    ['localUid', '4294901760', { LOCAL_UID: '4294901760' }],
    ['root', '/r/$VEID', { VE_ROOT: '/r/$VEID' }],
    ['name', '', { NAME: '' }],
    ['description', 'a  b', { DESCRIPTION: 'a  b' }],
    ['onboot', 'yes', { ONBOOT: 'yes' }],
  ])('saves --%s %s', (name, value, expected) => {
    expect(change(name, value)).toEqual(expected);
  });

  it.each([
    ['hostname', 'a_b', 'BAD_HOSTNAME', '--hostname: bad host name: "a_b"'],
    ['hostname', '', 'BAD_HOSTNAME', '--hostname: bad host name: ""'],
    ['hostname', 'a'.repeat(65), 'BAD_HOSTNAME', undefined],
    ['name', '12', 'NAME_FAILED', '--name: bad container name: "12"'],
    ['description', 'a\nb', 'BAD_VALUE', '--description: text must be one line: "a\\nb"'],
    ['description', 'a"b', 'BAD_VALUE', undefined],
    ['ram', '1:2', 'BAD_VALUE', '--ram: one value expected: "1:2"'],
    ['ram', '100', 'BAD_VALUE', undefined],
    ['localUid', '4294901761', 'BAD_VALUE', undefined],
    ['bootorder', '01', 'BAD_VALUE', undefined],
    ['root', '/a/../b', 'BAD_VALUE', undefined],
    ['ostemplate', '../x', 'BAD_VALUE', undefined],
    ['disabled', 'YES', 'BAD_VALUE', '--disabled: yes or no expected: "YES"'],
    ['colour', 'red', 'BAD_OPTION', '--colour: no such parameter'],
  ])('refuses --%s %j', (name, value, code, message) => {
    const shape = message === undefined ? { code } : { code, message };
    expect(() => change(name, value)).toThrow(expect.objectContaining(shape));
  });

  it('names the refused amount as it was given', () => {
    expect(() => change('ram', '1X2')).toThrow('--ram: bad limit "1X2"');
  });

  it('reports all that is wrong in one error', () => {
    expect(() => changesFromOptions({ hostname: '-', onboot: 'x' })).toThrow(
      expect.objectContaining({
        code: 'BAD_HOSTNAME',
        message: '--hostname: bad host name: "-"; --onboot: yes or no expected: "x"',
      }),
    );
  });

  it('refuses two options for one key', () => {
    expect(() => changesFromOptions({ ram: '1G', physpages: '5' })).toThrow(
      '--physpages: --ram sets the same',
    );
  });

  it('saves only what can be read back', () => {
    const option = fc.constantFrom(...PARAMETERS.flatMap((parameter) => parameter.option?.slice(2) ?? []));
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9]{1,4}[KMG]?$/),
      fc.constantFrom('yes', 'no', '/a'),
    );
    fc.assert(
      fc.property(option, text, (name, value) => {
        let changes: Edits;
        try {
          changes = changesFromOptions({ [name]: value });
        } catch {
          return;
        }
        const file = applyEdits(parseConfig(''), changes);
        readContainerConfig(parseCtid('101'), parseConfig(''), file, { host: 'h', container: 'c' });
        for (const [key, { value: saved }] of getSettings(file))
          if (saved) findByKey(key)?.value.parse(saved);
      }),
      { numRuns: 2000 },
    );
  });
});
