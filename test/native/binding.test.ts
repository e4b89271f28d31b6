/** Each function of the addon: once for success, once for every errno that the runtime handles. */
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { isMounted } from '../../src/host/mounts.js';
import { native } from '../../src/native/binding.js';

const directory = mkdtempSync(`${tmpdir()}/cella-native-`);
afterAll(() => rmSync(directory, { recursive: true }));
const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('lock', () => {
  it('is held once, and free again when closed', () => {
    const path = `${directory}/a.lck`;
    const fd = native().lock(path);
    expect(() => native().lock(path)).toThrow(
      expect.objectContaining({ code: 'EAGAIN', syscall: 'flock', path }),
    );
    closeSync(fd);
    closeSync(native().lock(path));
  });

  it('is not fooled by a file whose name is gone', () => {
    const path = `${directory}/b.lck`;
    const old = native().lock(path);
    unlinkSync(path);
    const fresh = native().lock(path);
    closeSync(old);
    expect(() => native().lock(path)).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
    closeSync(fresh);
  });

  it('says where it could not be', () => {
    expect(() => native().lock(`${directory}/no/where`)).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'open' }),
    );
  });
});

describe('readKernelFile', () => {
  it('has the whole text of a file, however long', () => {
    const path = `${directory}/text`;
    for (const text of ['', 'ä', 'one line\n', 'x'.repeat(4096), 'much of it\n'.repeat(5000)]) {
      writeFileSync(path, text);
      expect(native().readKernelFile(path)).toBe(text);
    }
    expect(native().readKernelFile('/proc/self/stat')).toMatch(new RegExp(`^${process.pid} \\(`));
  });

  it('says null where there is no such file or process, and fails otherwise', () => {
    const before = openFiles();
    expect(native().readKernelFile(`${directory}/missing`)).toBeNull();
    expect(native().readKernelFile('/proc/0/stat')).toBeNull();
    expect(() => native().readKernelFile(directory)).toThrow(/EISDIR.*read/);
    expect(openFiles()).toBe(before);
  });

  it('says null of a process that has gone since its file was opened', async () => {
    const child = spawn('sleep', ['1000']);
    const fd = openSync(`/proc/${child.pid}/stat`, 'r');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(native().readKernelFile(`/proc/self/fd/${fd}`)).toBeNull();
    closeSync(fd);
  });
});

describe('messages', () => {
  it('come one by one, whole, until the other end is gone', async () => {
    const before = openFiles();
    const [ours, theirs] = native().messagePair();
    const first = native().receiveMessage(ours);
    const long = Buffer.alloc(100_000, 'long');
    native().sendMessage(theirs, Buffer.from('one'));
    native().sendMessage(theirs, long);
    closeSync(theirs);
    expect(await first).toEqual({ bytes: Buffer.from('one'), fd: -1 });
    expect(await native().receiveMessage(ours)).toEqual({ bytes: long, fd: -1 });
    expect(await native().receiveMessage(ours)).toBeNull();
    expect(() => native().sendMessage(ours, Buffer.from('x'))).toThrow(/EPIPE/);
    closeSync(ours);
    expect(openFiles()).toBe(before);
  });

  it('bring a descriptor along', async () => {
    const [ours, theirs] = native().messagePair();
    const child = spawn(
      'python3',
      ['-c', 'import socket; s = socket.socket(fileno=3); socket.send_fds(s, [b"a file"], [0])'],
      { stdio: [openSync('/dev/null', 'r'), 'ignore', 'inherit', theirs] },
    );
    closeSync(theirs);
    const message = await native().receiveMessage(ours);
    expect(message?.bytes.toString()).toBe('a file');
    expect(readlinkSync(`/proc/self/fd/${message?.fd}`)).toBe('/dev/null');
    await new Promise((resolve) => child.once('exit', resolve));
    closeSync(message?.fd ?? -1);
    closeSync(ours);
  });
});

describe('isOpen', () => {
  it('tells of a file that somebody has open, to read or to write', () => {
    const path = `${directory}/open`;
    expect(native().isOpen(path)).toBe(false);
    writeFileSync(path, '');
    expect(native().isOpen(path)).toBe(false);
    for (const flags of ['r', 'r+']) {
      const fd = openSync(path, flags);
      expect(native().isOpen(path)).toBe(true);
      closeSync(fd);
      expect(native().isOpen(path)).toBe(false);
    }
  });

  it('tells of a file that a loop device has', async () => {
    const path = `${directory}/disk`;
    writeFileSync(path, Buffer.alloc(1 << 20));
    const loop = execFileSync('losetup', ['--find', '--show', path], { encoding: 'utf8' }).trim();
    try {
      expect(native().isOpen(path)).toBe(true);
    } finally {
      execFileSync('losetup', ['--detach', loop]);
    }
    await expect.poll(() => native().isOpen(path), { timeout: 5000 }).toBe(false);
  });

  it('ends no process that asks while others open and close it', async () => {
    const path = `${directory}/busy`;
    writeFileSync(path, '');
    const busy = spawn('sh', ['-c', `i=0; while [ $i -lt 3000 ]; do : <"${path}"; i=$((i + 1)); done`]);
    for (; busy.exitCode === null && busy.signalCode === null; await new Promise(setImmediate))
      for (let i = 0; i < 50; i += 1) native().isOpen(path);
    expect(busy.exitCode).toBe(0);
  });
});

describe('exchange', () => {
  it('swaps what two names are, so that there is always one', async () => {
    const [first, second] = [`${directory}/first`, `${directory}/second`];
    mkdirSync(`${first}/a`, { recursive: true });
    mkdirSync(second);
    // Looks for it as often as it can, until that is not there, or told to end.
    const looking = `
      const { existsSync } = require('node:fs');
      const { parentPort, workerData } = require('node:worker_threads');
      let misses = 0, looks = 0;
      parentPort.once('message', () => { clearInterval(timer); parentPort.postMessage({ looks, misses }); });
      const timer = setInterval(() => {
        for (let i = 0; i < 500; i += 1, looks += 1) if (!existsSync(workerData)) misses += 1;
      }, 0);
      parentPort.postMessage('ready');`;
    const worker = new Worker(looking, { eval: true, workerData: first });
    const told = (): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));
    await told();
    for (let i = 0; i < 2001; i += 1) expect(native().exchange(first, second)).toBe(true);
    const seen = told();
    worker.postMessage('end');
    expect(await seen).toEqual({ looks: expect.any(Number), misses: 0 });
    expect([readdirSync(first), readdirSync(second)]).toEqual([[], ['a']]);
    await worker.terminate();
  });

  it('says where it cannot, and what is not there', () => {
    mkdirSync(`${directory}/outer/inner`, { recursive: true });
    expect(native().exchange(`${directory}/outer`, `${directory}/outer/inner`)).toBe(false);
    expect(() => native().exchange(`${directory}/none`, `${directory}/outer`)).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'renameat2' }),
    );
  });
});

describe('processes', () => {
  it('are signalled and waited for by pidfd', async () => {
    const child = spawn('sleep', ['1000']);
    const fd = native().openPid(child.pid ?? 0);
    native().signalPid(fd, 0);
    const ended = native().wait(fd);
    native().signalPid(fd, 9);
    await ended;
    expect(() => native().signalPid(fd, 9)).not.toThrow(TypeError);
    closeSync(fd);
  });

  it('are told to be gone', () => {
    expect(native().openPid(2 ** 22 + 1)).toBe(-1);
  });
});

describe('spawn', () => {
  it('refuses what is no plan, and leaks nothing', async () => {
    native();
    const before = openFiles();
    for (const plan of [Buffer.alloc(0), Buffer.alloc(56), Buffer.from('x'.repeat(500))]) {
      await expect(native().spawn(plan, [-1, -1, -1])).rejects.toMatchObject({ syscall: 'launch' });
    }
    // What a thread or the event loop still holds is let go a moment after the answer: here, and before the test.
    await expect.poll(openFiles).toBeLessThanOrEqual(before);
  });
});

describe('pipe and unread', () => {
  it('counts what waits', () => {
    const [read, write] = native().pipe();
    writeSync(write, 'hello');
    expect(native().unread(read)).toBe(5);
    closeSync(read);
    closeSync(write);
    expect(() => native().unread(read)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});

describe('umount', () => {
  it('is content where nothing is mounted', async () => {
    await native().umount(directory);
    await native().umount(`${directory}/none`);
  });

  it('takes away a stack of mounts, or fails with what the kernel says', async () => {
    for (let i = 0; i < 3; i += 1) execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory]);
    const busy = openSync(`${directory}/busy`, 'w');
    await expect(native().umount(directory)).rejects.toMatchObject({ code: 'EBUSY', syscall: 'umount2' });
    closeSync(busy);
    await native().umount(directory);
    expect(isMounted(directory)).toBe(false);
  });
});

describe('a worker thread', () => {
  it('may end while it waits', async () => {
    const addon = fileURLToPath(new URL('../../build/Release/cella.node', import.meta.url));
    const worker = new Worker(
      `const native = require(${JSON.stringify(addon)});
       native.wait(native.openPid(process.pid));
       native.wait(native.openPid(process.pid), true);
       require('node:worker_threads').parentPort.postMessage('waiting');`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    expect(await worker.terminate()).toBe(1);
  });
});

describe('tryIdmap', () => {
  const owned = spawn('unshare', ['--user', '--map-root-user', 'sh', '-c', 'echo; read -r line'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ready = new Promise((resolve) => owned.stdout.once('data', resolve));
  afterAll(() => owned.kill('SIGKILL'));
  const users = (pid: number | string | undefined): string => `/proc/${pid}/ns/user`;

  it('leaves nothing of what it has tried', async () => {
    await ready;
    const before = openFiles();
    native().tryIdmap(directory, users(owned.pid));
    expect(openFiles()).toBe(before);
    expect(isMounted(directory)).toBe(false);
  });

  it('fails with what the kernel says', async () => {
    await ready;
    const refused = (path: string, space: string, error: object) =>
      expect(() => native().tryIdmap(path, space)).toThrow(expect.objectContaining(error));
    refused(directory, users('self'), { code: 'EPERM', syscall: 'mount_setattr' });
    refused('/proc', users(owned.pid), { code: 'EINVAL', syscall: 'mount_setattr', path: '/proc' });
    refused(`${directory}/nowhere`, users(owned.pid), { code: 'ENOENT', syscall: 'open_tree' });
    refused(directory, `${directory}/nowhere`, { code: 'ENOENT', syscall: 'open' });
  });
});
