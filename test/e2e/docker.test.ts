/** Docker in a container, offline: its own daemon, an image of busybox, containers with and without a network. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from '../helpers/use-sandbox.js';

const BUILDING_MS = 1_200_000;

const sandbox = useSandbox({ keep: [101] });

const MAKE_IMAGE = `mkdir -p /tmp/image/bin; cp /bin/busybox /tmp/image/bin
  for name in sh echo id cat ls ip sleep; do ln -s busybox /tmp/image/bin/$name; done
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
    expect(await inside("docker run --rm --network none busybox sh -c 'id -u; cat /proc/1/comm'")).toBe(
      '0\nsh',
    );
    expect(await inside('docker run --rm busybox ip addr show eth0')).toMatch(/inet 172\.17\.0\.\d+\/16/);
    await inside("docker run --detach --name other busybox sh -c 'sleep 1000'");
    expect(await inside('docker exec other echo entered; docker rm --force other')).toBe('entered\nother');
    expect(await inside('docker run --rm --privileged --network none busybox echo privileged')).toBe(
      'privileged',
    );
  });

  it('limits them as far as the container may', async () => {
    const limit = await inside(
      'docker run --rm --network none --pids-limit 50 --memory 64m busybox cat /proc/self/cgroup 2>/dev/null',
    );
    expect(limit).toBe('0::/');
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
});
