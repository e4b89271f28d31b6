import { expect, it } from 'vitest';
import { dumpOptions, restoreOptions } from '../../../src/plan/checkpoint/criu-options.js';

const mounts = [{ key: 'dev-null', target: '/dev/null', source: '/dev/null' }];

it('leaves what is dumped running only where it is to go on', () => {
  const target = { images: 5, init: 7, mounts, cgroup: '/sys/fs/cgroup/cella/101' };
  expect(dumpOptions({ ...target, goesOn: true })).toMatchObject({
    leave_running: true,
    freeze_cgroup: '/sys/fs/cgroup/cella/101',
    external: ['mnt[/dev/null]:dev-null'],
  });
  expect(dumpOptions({ ...target, goesOn: false })).toMatchObject({ leave_running: false });
});

it('closes connections of what went on after its dump, and stops what is not to run yet', () => {
  const target = { images: 5, root: '/vz/root/101', mounts };
  const usual = restoreOptions({ ...target, wentOn: false, still: false, lazy: false });
  expect([usual.tcp_close, usual.leave_stopped]).toEqual([undefined, undefined]);
  expect(restoreOptions({ ...target, wentOn: true, still: true, lazy: true })).toMatchObject({
    tcp_close: true,
    leave_stopped: true,
    external: ['mnt[dev-null]:/dev/null'],
  });
});

it('builds upon other images only where there are some, and has changes told from then on', () => {
  const target = { images: 5, init: 7, mounts, cgroup: null, goesOn: false };
  expect(dumpOptions({ ...target, parent: '../pre-2' })).toMatchObject({
    parent_img: '../pre-2',
    track_mem: true,
  });
  const alone = dumpOptions(target);
  expect([alone.parent_img, alone.track_mem]).toEqual([undefined, undefined]);
});
