/** Hosts unlike this one: made in a private mount namespace, where file systems and hierarchies can be taken away. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { requires } from '../helpers/requires.js';
import { CLI, type Result, watch } from '../helpers/sandbox.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ clear: [101] });

/** Runs shell commands where what they mount and unmount is theirs alone; `vzctl` and $VZ work in it. */
function onAnotherHost(commands: string): Promise<Result> {
  const script = `vzctl() { ${process.execPath} ${CLI}vzctl.cjs "$@"; }\n${commands}`;
  const running = watch(
    spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-euc', script], {
      env: { ...process.env, CELLA_ROOT: sandbox.rootDir, VZ: `${sandbox.rootDir}/var/lib/vz` },
    }),
  );
  return running.ended;
}

describe('a host without cgroup v2', () => {
  requires('cgroup-v1');

  it('runs a container by the v1 hierarchies and the freezer alone', async () => {
    const { code, stdout, stderr } = await onAnotherHost(`
      while read -r _ at type _; do [ "$type" != cgroup2 ] || umount "$at"; done < /proc/self/mounts
      vzctl create 101 --ostemplate busybox --numproc 40 --ram 64M
      vzctl start 101 --wait
      vzctl exec 101 'cat /proc/self/cgroup' | sed -n 's/^[0-9]*:\\(memory\\|pids\\|freezer\\):/in \\1 /p' | sort
      vzctl exec 101 'i=0; while [ $i -lt 60 ]; do /bin/sleep 5 & i=$((i+1)); done' 2>&1 | grep -c "can't fork"
      vzctl status 101
      vzctl stop 101 --fast
      vzctl status 101
      vzctl destroy 101
    `);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('in freezer /\nin memory /\nin pids /\n');
    expect(stdout).toMatch(/^[1-9]\d*$/m);
    expect(stdout).toContain('CTID 101 exist mounted running\n');
    expect(stdout).toContain('CTID 101 exist unmounted down\n');
  });
});

describe('a host whose mounts are shared, as systemd makes them', () => {
  it('sees nothing of what is mounted in a container, even over its device nodes', async () => {
    const { code, stdout, stderr } = await onAnotherHost(`
      mount --make-rshared /
      vzctl create 101 --ostemplate busybox
      vzctl start 101 --wait
      vzctl exec 101 'echo "peers: $(grep -cE " (shared|master):" /proc/self/mountinfo)"'
      vzctl exec 101 'mount -t tmpfs none /dev/shm; mount --bind /etc/passwd /dev/null'
      [ -c /dev/null ] && echo "host: $(grep -c "$VZ/root/101/" /proc/self/mountinfo)"
      vzctl stop 101 --fast
      vzctl destroy 101
    `);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^peers: 0\nhost: 0$/m);
  });
});

describe('a private area that cannot be idmapped', () => {
  it('fails the start with status 50 and the remedy, and leaves nothing', async () => {
    const { code, stdout, stderr } = await onAnotherHost(`
      mount -t ramfs none "$VZ/private"
      vzctl create 101 --ostemplate busybox --layout overlay:directory
      set +e
      vzctl start 101
      echo "status $?"
      vzctl mount 101
      echo "status $?"
      set -e
      grep -c "$VZ/root/101" /proc/self/mounts && exit 1
      vzctl status 101
      vzctl destroy 101
    `);
    expect(code).toBe(0);
    expect(stdout.match(/^status \d+$/gm)).toEqual(['status 50', 'status 50']);
    expect(stderr).toMatch(
      /^cannot mount the root on '.*\/root\/101': E[A-Z]+\n.*idmapped mounts.*move them to ext4, xfs or btrfs/,
    );
    expect(stdout).toContain('CTID 101 exist unmounted down\n');
  });

  it('runs a privileged container', async () => {
    const { code, stdout } = await onAnotherHost(`
      mount -t tmpfs none "$VZ/private"
      vzctl create 101 --ostemplate busybox --layout overlay:directory --local_uid 0
      vzctl start 101 --wait
      vzctl exec 101 'echo kept > /root/file; cat /root/file'
      vzctl stop 101 --fast
      vzctl destroy 101
    `);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('\nkept\n') });
  });
});

describe('a host with nothing but read-only control groups', () => {
  it('fails the start with the step that failed, and leaves nothing', async () => {
    const { code, stdout, stderr } = await onAnotherHost(`
      while read -r _ at type _; do
        case $type in cgroup|cgroup2) mount -o remount,bind,ro "$at" ;; esac
      done < /proc/self/mounts
      vzctl create 101 --ostemplate busybox --layout overlay:directory
      set +e
      vzctl start 101
      echo "status $?"
      set -e
      vzctl status 101
      vzctl destroy 101
    `);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^cannot (make control group|enable controllers in) '.*': EROFS\n$/);
    expect(stdout).toContain('CTID 101 exist unmounted down\n');
  });
});
