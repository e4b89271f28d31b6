/**
 * What a test needs beyond Linux and root, found out by trying. Without it the test is skipped with the reason, unless
 * CELLA_TEST_REQUIRE (names, separated by commas) says that this lane must have it: then it fails.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeEach } from 'vitest';
import { probeCgroups } from '../../src/host/cgroup/index.js';
import { findCriu } from '../../src/host/criu/find.js';
import { readMounts } from '../../src/host/mounts.js';

export type Need = keyof typeof PROBES;

/** Called in a describe block, or at the top of a file. */
export function requires(...needs: readonly Need[]): void {
  beforeEach(async ({ skip }) => {
    for (const need of needs) {
      const missing = await lack(need);
      if (missing === undefined) continue;
      if (REQUIRED.includes(need)) throw new Error(`this lane must have ${need}: ${missing}`);
      skip(`needs ${need}: ${missing}`);
    }
  });
}

/** What this lane says that it has. */
export const REQUIRED: readonly string[] = (process.env.CELLA_TEST_REQUIRE ?? '').split(',').filter(Boolean);

const found = new Map<Need, Promise<string | undefined>>();

/** Why this machine does not have it; undefined when it does. */
export function lack(need: Need): Promise<string | undefined> {
  let answer = found.get(need);
  if (!answer) {
    answer = PROBES[need]().then(
      () => undefined,
      (error: Error & { readonly stderr?: string }) =>
        (error.stderr || error.message).trim().split('\n').at(-1),
    );
    found.set(need, answer);
  }
  return answer;
}

const execute = promisify(execFile);

const shell = async (commands: string): Promise<void> => {
  await execute('sh', ['-euc', `PATH=$PATH:/usr/sbin:/sbin\n${commands}`]);
};

export const PROBES = {
  'cgroup-v1': () =>
    shell(`
    grep -q ' - cgroup [^ ]* .*memory' /proc/self/mountinfo; grep -q ' - cgroup [^ ]* .*pids' /proc/self/mountinfo
  `),
  'cgroup-v2': async () => {
    const offered = readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').split(/\s+/);
    const absent = ['cpuset', 'cpu', 'io', 'memory', 'pids'].filter((name) => !offered.includes(name));
    if (absent.length > 0) throw new Error(`no controller ${absent.join(', ')}`);
  },
  /** The controller hugetlb, of either version, and huge pages of 2 MiB. */
  hugetlb: async () => {
    readdirSync('/sys/kernel/mm/hugepages/hugepages-2048kB');
    const { v1, v2 } = probeCgroups(readMounts());
    if (!v2?.controllers.includes('hugetlb') && !v1.hugetlb) throw new Error('no controller hugetlb');
  },
  /** As PID 1, and done with booting. */
  systemd: () =>
    shell('[ "$(cat /proc/1/comm)" = systemd ]; systemctl show --property=Version; systemd-run --wait true'),
  /** One that this kernel is not too new for. */
  criu: async () => void (await findCriu()),
  'soft-dirty': () => shell('criu check --feature mem_dirty_track'),
  'project-quota': () =>
    shell(`
      at=$(mktemp -d); trap 'umount "$at/fs" 2>/dev/null || true; rm -rf --one-file-system "$at"' EXIT
      truncate -s 32M "$at/image"; mkfs.ext4 -q -O quota,project "$at/image"
      mkdir "$at/fs"; mount -o loop,prjquota "$at/image" "$at/fs"
      # Root of the host may pass every limit (CAP_SYS_RESOURCE).
      chmod 711 "$at"; mkdir -m 777 "$at/fs/limited"; chattr +P -p 7 "$at/fs/limited"; setquota -P 7 0 1024 0 0 "$at/fs"
      if setpriv --reuid 65534 --clear-groups dd if=/dev/zero "of=$at/fs/limited/file" bs=1M count=2 2>/dev/null; then echo "a limit does not hold" >&2; exit 1; fi
    `),
  /** Of arm64, in containers too; and what builds templates of it. */
  emulation: () =>
    shell(`
      command -v mmdebstrap >/dev/null
      unshare --mount --propagation private sh -euc '
        at=/proc/sys/fs/binfmt_misc
        [ -e "$at/status" ] || mount -t binfmt_misc none "$at"
        grep -l "^magic 7f454c460201010000000000000000000200b700" "$at"/* | xargs grep -q "^flags:.*F"
      '
    `),
  /** By an emulator under which systemd runs. */
  'emulated-systemd': () =>
    shell(`
      version=$(qemu-aarch64 --version | sed -n 's/^qemu-aarch64 version \\([0-9]*\\).*/\\1/p')
      [ "$version" -ge 10 ] || { echo "QEMU's user emulator is of release $version" >&2; exit 1; }
    `),
  'xfs-quota': () =>
    shell(`
      at=$(mktemp -d); trap 'umount "$at/fs" 2>/dev/null || true; rm -rf --one-file-system "$at"' EXIT
      truncate -s 320M "$at/image"; mkfs.xfs -q "$at/image"; mkdir "$at/fs"
      mount -o loop,prjquota "$at/image" "$at/fs"; quotaon -P -p "$at/fs" | grep -q 'is on'
    `),
  /** Of an ext4 that keeps them itself. */
  'user-quota': () =>
    shell(`
      at=$(mktemp -d); trap 'umount "$at/fs" 2>/dev/null || true; rm -rf --one-file-system "$at"' EXIT
      truncate -s 32M "$at/image"; mkfs.ext4 -q -O quota -E quotatype=usrquota:grpquota "$at/image"; mkdir "$at/fs"
      mount -o loop,usrquota,grpquota "$at/image" "$at/fs"; setquota -u 7 0 1024 0 0 "$at/fs"
    `),
  'sys-resource': () => shell('[ $(( 0x$(sed -n "s/^CapEff:.//p" /proc/self/status) >> 24 & 1 )) = 1 ]'),
  btrfs: () =>
    shell(`
      at=$(mktemp -d); trap 'umount "$at/fs" 2>/dev/null || true; rm -rf --one-file-system "$at"' EXIT
      truncate -s 128M "$at/image"; mkfs.btrfs -q "$at/image"; mkdir "$at/fs"; mount -o loop "$at/image" "$at/fs"
    `),
  'device-mapper': () =>
    shell(`
      name=cella-probe-$$; dmsetup create "$name" --table '0 8 zero'; trap 'dmsetup remove "$name"' EXIT
      [ "$(head -c 4096 "/dev/mapper/$name" | wc -c)" = 4096 ]
    `),
  /** Bridges that tell networks apart by their tags (CONFIG_BRIDGE_VLAN_FILTERING). */
  'bridge-vlans': () => shell('unshare --net ip link add br0 type bridge vlan_filtering 1'),
  lxcfs: () => shell('command -v lxcfs || { echo "it is not installed" >&2; exit 1; }'),
  mmdebstrap: () => shell('command -v mmdebstrap || { echo "it is not installed" >&2; exit 1; }'),
  'debian-node': () =>
    shell(`dpkg-query --show --showformat '\${Version}' nodejs | grep -q dfsg; /usr/bin/node -e 0`),
  /** CELLA_TEST_PEER names another host, which root may enter by ssh. */
  'two-hosts': () => shell(`ssh -o BatchMode=yes "\${CELLA_TEST_PEER:?names no peer}" true`),
} as const satisfies Record<string, () => Promise<void>>;
