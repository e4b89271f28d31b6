/** Files of lxcfs in a container, as steps. */
import { expect, it } from 'vitest';
import { planView, VIEWED } from '../../../src/plan/view.js';

it('takes each file of the host, read-only, and attaches it where the kernel has its own', () => {
  expect(planView({ directory: '/lx', names: ['proc/meminfo', 'sys/devices/system/cpu'] }, 9)).toEqual({
    after: [
      {
        op: 'bind',
        slot: 9,
        base: null,
        path: '/lx/proc/meminfo',
        flags: ['ro', 'nosuid', 'noexec', 'nodev'],
        ids: null,
      },
      {
        op: 'bind',
        slot: 10,
        base: null,
        path: '/lx/sys/devices/system/cpu',
        flags: ['ro', 'nosuid', 'noexec', 'nodev'],
        ids: null,
      },
    ],
    inside: [
      { op: 'attach', path: '/proc/meminfo', slot: 9, directory: 'either' },
      { op: 'attach', path: '/sys/devices/system/cpu', slot: 10, directory: 'either' },
    ],
  });
});

it('is nothing without lxcfs, and leaves the other slots of the launcher alone', () => {
  expect(planView(undefined, 1)).toEqual({ after: [], inside: [] });
  expect(VIEWED.length).toBeLessThanOrEqual(8);
});
