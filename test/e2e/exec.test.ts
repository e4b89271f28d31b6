/** Commands in a running container: streams, statuses, what they see. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openHost } from '../../dist/index.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const sandbox = useSandbox({ keep: [101] });
beforeAll(async () => {
  await sandbox.create(101, '--hostname', 'ct101.example', '--ram', '64M', '--numproc', '60');
  expect(await sandbox.vzctl(['start', '101', '--wait'])).toMatchObject({ code: 0 });
});

const exec = async (command: string): Promise<string> =>
  (await sandbox.vzctl(['exec', '101', command])).stdout.trim();

describe('exec', { tags: ['slow'] }, () => {
  it('passes the streams through and returns 0 or 8, exec2 the status itself', async () => {
    expect(await sandbox.vzctl(['exec', '101', 'cat; echo oops >&2'], { input: 'through\n' })).toEqual({
      code: 0,
      signal: null,
      stdout: 'through\n',
      stderr: 'oops\n',
    });
    expect(await sandbox.vzctl(['exec', '101', 'exit 3'])).toMatchObject({ code: 8 });
    expect(await sandbox.vzctl(['exec2', '101', 'exit 3'])).toMatchObject({ code: 3 });
    expect(await sandbox.vzctl(['exec2', '101', 'kill -9 $$'])).toMatchObject({ code: 137 });
  });

  it('reads commands from standard input', async () => {
    expect(await sandbox.vzctl(['exec', '101', '-'], { input: 'echo one\necho two\n' })).toMatchObject({
      code: 0,
      stdout: 'one\ntwo\n',
    });
  });

  it('does not wait for what stays in the background', async () => {
    expect(await sandbox.vzctl(['exec', '101', 'sleep 3 & echo done'])).toMatchObject({
      code: 0,
      stdout: 'done\n',
    });
  });

  it('carries large output whole', async () => {
    const { stdout } = await sandbox.vzctl(['exec', '101', 'head -c 3000000 /dev/zero | tr "\\0" x']);
    expect(stdout.length).toBe(3_000_000);
  });

  it('gives the library the same', async () => {
    const container = (await openHost({ rootDir: sandbox.rootDir })).container(101);
    const running = await container.exec(['sh', '-c', 'exit 7']);
    expect(await running.wait()).toEqual({ code: 7, signal: null });
    const sleeping = await container.exec(['sleep', '60']);
    sleeping.kill('SIGTERM');
    expect(await sleeping.wait()).toEqual({ code: null, signal: 15 });
    await expect(container.exec(['/nowhere'])).rejects.toMatchObject({ code: 'BROKEN_CONTAINER' });
  });
});

describe('inside', () => {
  it('is its own machine', async () => {
    expect(await exec('hostname')).toBe('ct101.example');
    expect(await exec('cat /proc/1/comm')).toBe('init');
    expect(await exec('ls /sys/class/net')).toBe('lo');
    expect(await exec('cat /sys/class/net/lo/flags')).toBe('0x9');
    expect(await exec('id -u')).toBe('0');
    expect(await exec("awk '{print $1, $3}' /proc/self/uid_map")).toBe('0 65536');
    const groups = (pid: string) =>
      exec(`sed -n '/memory\\|pids\\|^0:/s/.*://p' /proc/${pid}/cgroup | sort -u`);
    expect(await groups('1')).toBe('/');
    // In a group of its own, of version 2 alone: one that hands out controllers takes no processes.
    expect(await groups('self')).toMatch(/^(\/\n)?\/exec$/);
  });

  it('holds nothing of the host', async () => {
    expect(await exec('ls -l /proc/1/fd | sed -n "s/.* -> //p" | sort -u')).toBe('/dev/null');
    expect(await exec('ls /proc/self/fd | wc -l')).toBe('4'); // 0-2, and the directory being read
    expect(
      (await exec('env'))
        .split('\n')
        .map((line) => line.split('=')[0])
        .sort(),
    ).toEqual(['HOME', 'LOGNAME', 'PATH', 'PWD', 'SHELL', 'SHLVL', 'USER']);
    expect(await exec('pwd')).toBe('/');
  });

  it('has its own /dev, and a /proc and /sys that give nothing away', async () => {
    expect(await exec('cd /dev; ls')).toBe(
      'fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero',
    );
    expect(await exec('head -c 1 /proc/kcore 2>/dev/null | wc -c')).toBe('0');
    expect(await exec('touch /sys/x 2>/dev/null || echo refused')).toBe('refused');
    expect(await exec('echo b > /proc/sysrq-trigger 2>/dev/null || echo refused')).toBe('refused');
    expect(await exec('mknod /tmp/disk b 254 0 2>/dev/null || echo refused')).toBe('refused');
  });

  it.each(['1', '$$'])(
    'confines process %s: a filter, no inheritable capability, no time or modules',
    async (pid) => {
      const status = await exec(`cat /proc/${pid}/status`);
      expect(status).toMatch(/^Seccomp:\s2$/m);
      expect(status).toMatch(/^CapInh:\s0{16}$/m);
      const bounding = BigInt(`0x${/^CapBnd:\s([0-9a-f]+)$/m.exec(status)?.[1]}`);
      for (const capability of [16n, 17n, 25n]) expect((bounding >> capability) & 1n).toBe(0n);
    },
  );

  it('refuses new user and uts namespaces', async () => {
    expect((await sandbox.vzctl(['exec2', '101', 'unshare -u true'])).code).not.toBe(0);
    expect((await sandbox.vzctl(['exec2', '101', 'unshare -U true'])).code).not.toBe(0);
  });
});

describe('limits', () => {
  it('holds the container to its processes, live', async () => {
    expect(await sandbox.vzctl(['set', '101', '--numproc', '20', '--save'])).toMatchObject({ code: 0 });
    expect(await exec('for i in $(seq 40); do sleep 5 & done 2>&1 | grep -c fork; true')).not.toBe('0');
    await sandbox.vzctl(['exec', '101', 'killall sleep']);
    expect(await sandbox.vzctl(['set', '101', '--numproc', '60', '--save'])).toMatchObject({ code: 0 });
  });

  it('holds the container to its memory', async () => {
    expect(
      (await sandbox.vzctl(['exec2', '101', 'head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null']))
        .code,
    ).not.toBe(0);
    expect(await exec('echo alive')).toBe('alive');
  });
});

describe('runscript', { tags: ['slow'] }, () => {
  it('runs a file of the host in a running container', async () => {
    const script = `${sandbox.rootDir}/script.sh`;
    writeFileSync(script, '#!/bin/sh -e\necho "in $(hostname)"\nexit 4\n');
    expect(await sandbox.vzctl(['runscript', '101', script])).toMatchObject({
      code: 4,
      stdout: 'in ct101.example\n',
    });
  });

  it('runs it in a stopped one, and leaves that stopped', async () => {
    const script = `${sandbox.rootDir}/alone.sh`;
    writeFileSync(script, 'echo "pid $$"; touch /root/by-script\n');
    await sandbox.create(102);
    expect((await sandbox.vzctl(['runscript', '102', script])).stdout).toBe('pid 1\n');
    expect((await sandbox.vzctl(['status', '102'])).stdout).toBe('CTID 102 exist unmounted down\n');
    await sandbox.vzctl(['destroy', '102']);
  });
});
