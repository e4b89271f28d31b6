/** The system call filter from inside: each call really tried, in each ABI, by init's children, exec and enter. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Abi, syscallProgram } from '../helpers/syscall-program.js';
import { useSandbox } from '../helpers/use-sandbox.js';

const NUMBERS = {
  x64: { clone: 56, clone3: 435, unshare: 272, setns: 308, keyctl: 250, io_uring_setup: 425, ioctl: 16 },
  i386: { clone: 120, clone3: 435, unshare: 310, setns: 346, keyctl: 288, io_uring_setup: 425, ioctl: 54 },
} as const;
const KINDS = {
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  cgroup: 0x02000000,
} as const;
const [MOUNT, NET, TIME, SIGCHLD, TIOCSTI] = [0x20000, 0x40000000, 0x80, 17, 0x5412];
/** Descriptor 3 is the container's own net namespace. */
const FD = 3;
const [EPERM, ENOSYS] = [1, 38];

interface Probe {
  readonly name: string;
  readonly program: Buffer;
  /** The errno, with each profile. */
  readonly single: number;
  readonly nesting: number;
}

function probe(
  abi: Abi,
  call: keyof typeof NUMBERS.x64,
  what: string,
  args: readonly number[],
  [single, nesting]: readonly [number, number],
): Probe {
  const number = NUMBERS[abi === 'i386' ? 'i386' : 'x64'][call];
  return { name: `${abi}-${call}-${what}`, program: syscallProgram(abi, number, args), single, nesting };
}

const [EINVAL, EBADF, ENOTTY] = [22, 9, 25];

const probes = (['x64', 'i386'] as const).flatMap((abi) => [
  ...Object.entries(KINDS).flatMap(([kind, flag]) => [
    probe(abi, 'unshare', kind, [flag], [EPERM, 0]),
    probe(abi, 'clone', kind, [flag | SIGCHLD], [EPERM, 0]),
    // It is none of that kind.
    probe(abi, 'setns', kind, [FD, flag], [EPERM, EINVAL]),
  ]),
  probe(abi, 'unshare', 'time', [TIME], [EPERM, 0]),
  probe(abi, 'unshare', 'mount', [MOUNT], [0, 0]),
  probe(abi, 'unshare', 'net', [NET], [0, 0]),
  probe(abi, 'clone', 'net', [NET | SIGCHLD], [0, 0]),
  probe(abi, 'setns', 'any', [FD, 0], [EPERM, 0]),
  probe(abi, 'setns', 'net', [FD, NET], [0, 0]),
  probe(abi, 'setns', 'time', [FD, TIME], [EPERM, EINVAL]),
  probe(abi, 'clone3', 'nothing', [0, 0], [ENOSYS, EINVAL]),
  probe(abi, 'keyctl', 'session', [1, 0], [ENOSYS, 0]),
  probe(abi, 'io_uring_setup', 'one', [1, 0], [ENOSYS, ENOSYS]),
  probe(abi, 'ioctl', 'tiocsti', [FD, TIOCSTI], [EPERM, EPERM]),
  // Another terminal request gets as far as the kernel.
  probe(abi, 'ioctl', 'other', [FD, TIOCSTI - 1], [ENOTTY, ENOTTY]),
  probe(abi, 'ioctl', 'closed', [99, TIOCSTI - 1], [EBADF, EBADF]),
]);
const x32 = Object.values(KINDS).map((flag) =>
  probe('x32', 'unshare', flag.toString(16), [flag], [ENOSYS, ENOSYS]),
);
const ALL = [...probes, ...x32];

const TRY = 'exec 3</proc/self/ns/net; cd /probes; for p in *-*; do "./$p"; echo "$p $?"; done';
const expected = (profile: 'single' | 'nesting'): readonly string[] =>
  ALL.map(({ name, [profile]: errno }) => `${name} ${errno}`).sort();
const answers = (text: string): readonly string[] =>
  [...text.matchAll(/^(?:x64|x32|i386)-\S+ \d+/gm)].map(([line]) => line).sort();

const sandbox = useSandbox({ keep: [101, 102] });

async function createWithProbes(ctid: number, ...args: readonly string[]): Promise<void> {
  await sandbox.create(ctid, '--layout', 'overlay:directory', ...args);
  const upper = `${sandbox.rootDir}/var/lib/vz/private/${ctid}/upper`;
  mkdirSync(`${upper}/probes`);
  mkdirSync(`${upper}/etc`, { recursive: true });
  for (const { name, program } of ALL) writeFileSync(`${upper}/probes/${name}`, program, { mode: 0o755 });
  writeFileSync(`${upper}/probes/all`, `#!/bin/sh\n${TRY}\n`);
  writeFileSync(`${upper}/etc/rc.local`, '#!/bin/sh\n/probes/all >/root/at-boot 2>&1\n');
  for (const file of ['probes/all', 'etc/rc.local']) chmodSync(`${upper}/${file}`, 0o755);
  expect(await sandbox.vzctl(['start', String(ctid), '--wait'])).toMatchObject({ code: 0 });
}

const WAYS = {
  'a child of init': async (ctid: string) =>
    (await sandbox.vzctl(['exec', ctid, 'cat /root/at-boot'])).stdout,
  'a command that is executed': async (ctid: string) =>
    (await sandbox.vzctl(['exec', ctid, '/probes/all'])).stdout,
  'a command of a shell that entered': async (ctid: string) =>
    (await sandbox.vzctl(['enter', ctid, '--exec', '/probes/all; exit'])).stdout.replaceAll('\r', ''),
} as const;

const WAY_NAMES = Object.keys(WAYS) as readonly (keyof typeof WAYS)[];

describe('a container', () => {
  beforeAll(() => createWithProbes(101));

  it.each(WAY_NAMES)('refuses %s nested namespaces', async (way) => {
    expect(answers(await WAYS[way]('101'))).toEqual(expected('single'));
  });
});

describe('a container with nesting:on', () => {
  beforeAll(() => createWithProbes(102, '--features', 'nesting:on'));

  it.each(WAY_NAMES)('lets %s have them, and keeps the rest refused', async (way) => {
    expect(answers(await WAYS[way]('102'))).toEqual(expected('nesting'));
  });

  it('has room for a user namespace with a /proc, a /sys and an overlay of its own', async () => {
    const nested = `mount -t proc proc /proc && mount -t sysfs -o ro sys /sys && ls /proc | grep -c '^[0-9]*$'
      mount -t tmpfs t /tmp && mkdir /tmp/a /tmp/b /tmp/c && mount -t overlay -o lowerdir=/tmp/a,upperdir=/tmp/b,workdir=/tmp/c o /tmp/a && touch /tmp/a/x && ls /tmp/b`;
    expect(
      (await sandbox.vzctl(['exec', '102', `unshare -U -r -m -p -n -f sh -c "${nested}"`])).stdout,
    ).toMatch(/^[1-9]\nx\n$/);
  });

  it('stays as it began: a change waits for the next start', { tags: ['slow'] }, async () => {
    await sandbox.vzctl(['set', '102', '--features', 'nesting:off', '--save']);
    expect((await sandbox.vzctl(['exec2', '102', 'unshare -U true'])).code).toBe(0);
    await sandbox.vzctl(['restart', '102', '--wait']);
    expect((await sandbox.vzctl(['exec2', '102', 'unshare -U true'])).code).not.toBe(0);
  });
});
