import { expect, it } from 'vitest';
import {
  compareVersions,
  formatVersion,
  neededCriu,
  parseVersion,
} from '../../../src/plan/checkpoint/criu-version.js';

it.each([
  ['5.10.0-30-amd64', '4.0'],
  ['6.12.118+deb13-amd64', '4.0'],
  ['6.13', '4.1'],
  ['6.15.9', '4.1'],
  ['6.16.0-rc1', '4.2'],
  ['7.0.1', '4.2'],
])('Linux %s needs CRIU %s', (kernel, criu) => {
  expect(formatVersion(neededCriu(parseVersion(kernel)).criu)).toBe(criu);
});

it('compares by numbers', () => {
  const sorted = ['4.2', '4.10.1', '3.17.1', '4.10', '4.2.1', 'nonsense'].sort((a, b) =>
    compareVersions(parseVersion(a), parseVersion(b)),
  );
  expect(sorted).toEqual(['nonsense', '3.17.1', '4.2', '4.2.1', '4.10', '4.10.1']);
});
