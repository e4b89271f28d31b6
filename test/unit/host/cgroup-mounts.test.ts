import { expect, it } from 'vitest';
import { probeCgroups } from '../../../src/host/cgroup/index.js';

const mount = (target: string, type: string, ...options: readonly string[]) => ({
  target,
  type,
  source: 'none',
  options: ['rw', ...options],
});

it('looks past what CRIU mounts while it restores', () => {
  const { v1 } = probeCgroups([
    mount('/groups/pids', 'cgroup', 'pids'),
    mount('/groups/both', 'cgroup', 'cpu', 'cpuacct'),
    mount('/dump/images/.criu.cgyard.x/pids', 'cgroup', 'pids'),
    mount('/dump/images/.criu.cgyard.x/cpu', 'cgroup', 'cpu', 'cpuacct'),
  ]);
  expect(v1).toMatchObject({ pids: '/groups/pids', cpu: '/groups/both', cpuacct: '/groups/both' });
});
