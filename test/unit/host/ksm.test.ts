/** Which kernels merge pages of containers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, it } from 'vitest';
import { whyNoKsm } from '../../../src/host/ksm.js';

const sysfs = mkdtempSync(`${tmpdir()}/ksm-`);
writeFileSync(`${sysfs}/run`, '0\n');
afterAll(() => rmSync(sysfs, { recursive: true }));

it.each([
  ['6.7.0', undefined],
  ['6.12.73+deb13-amd64', undefined],
  ['7.0.1', undefined],
  ['6.6.9', 'it takes Linux 6.7'],
  ['5.19.0', 'it takes Linux 6.7'],
])('Linux %s: %s', (kernel, why) => expect(whyNoKsm(kernel, sysfs)).toBe(why));

it('none that were built without', () => {
  expect(whyNoKsm('6.12.0', `${sysfs}/nowhere`)).toBe('its kernel cannot merge pages');
});
