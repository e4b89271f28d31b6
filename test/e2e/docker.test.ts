/** Docker in a container, offline: its own daemon, an image of busybox, containers with and without a network. */
import { beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;

const sandbox = useSandbox({ keep: [101] });

const MAKE_IMAGE = `mkdir -p /tmp/image/bin; cp /bin/busybox /tmp/image/bin
  for name in sh echo id cat ls ip sleep grep; do ln -s busybox /tmp/image/bin/$name; done
  tar -C /tmp/image -c . | docker import - busybox`;

const inside = async (command: string): Promise<string> => {
  const { code, stdout, stderr } = await sandbox.vzctl(['exec', '101', command]);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
};

describe('docker', () => {
  beforeAll(async () => {
    const template = await sandbox.template('docker');
    const options = ['--features', 'nesting:on', '--bindmount_add', '/var/lib/docker'];
    await sandbox.vzctl(['create', '101', '--ostemplate', template, ...options]);
    expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0 });
    await inside(MAKE_IMAGE);
  }, BUILDING_MS);

  it('has its layers on overlays, which another overlay as the root would not allow', async () => {
    expect(await inside("docker info --format '{{.Driver}}'")).toBe('overlay2');
    expect(await inside('systemctl is-system-running')).toBe('running');
  });

  it('runs containers: alone, on its bridge, beside others, with every right', async () => {
    expect(
      await inside("docker run --rm --network none busybox sh -c 'id -u; ls /proc | grep -c ^1'"),
    ).toMatch(/^0\n[12]$/);
    expect(await inside('docker run --rm busybox ip addr show eth0')).toMatch(/inet 172\.17\.0\.\d+\/16/);
    await inside("docker run --detach --name other busybox sh -c 'sleep 1000'");
    expect(await inside('docker exec other echo entered; docker rm --force other')).toBe('entered\nother');
    expect(await inside('docker run --rm --privileged --network none busybox echo privileged')).toBe(
      'privileged',
    );
  });

  it('builds images', async () => {
    const build = `echo 'FROM busybox' >/tmp/image/Dockerfile; echo 'RUN echo built >/file' >>/tmp/image/Dockerfile
      DOCKER_BUILDKIT=0 docker build --quiet --tag built /tmp/image >/dev/null 2>&1; docker run --rm --network none built cat /file`;
    expect(await inside(build)).toBe('built');
  });

  it('is there again after a restart', async () => {
    await sandbox.vzctl(['restart', '101', '--wait']);
    expect(await inside('docker run --rm --network none busybox echo again')).toBe('again');
  });

  describe('with controllers of its own', () => {
    requires('cgroup-v2');

    it('limits them', async () => {
      const limits = 'docker run --rm --network none --pids-limit 50 --memory 64m busybox';
      expect(await inside(`${limits} cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max`)).toBe(
        '67108864\n50',
      );
    });
  });
});
