/** Programs of the host that verbs run. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { machine } from 'node:os';
import { formatVersion } from '../../plan/checkpoint/criu-version.js';
import { findCriu } from '../criu/find.js';
import { findLxcfs } from '../lxcfs.js';
import { type Check, lacking, type Outcome, ok, output, UNTRIED } from './finding.js';

interface Tools {
  readonly subject: string;
  readonly names: readonly string[];
  readonly consequence: string;
  /** Of Debian. */
  readonly packages: string;
}

const TOOLS: readonly Tools[] = [
  {
    subject: 'util-linux',
    names: ['mount', 'unshare', 'setpriv', 'flock'],
    consequence: 'templates cannot be built',
    packages: 'util-linux',
  },
  {
    subject: 'tools of ext4',
    names: ['mkfs.ext4', 'e2fsck', 'resize2fs'],
    consequence: 'layouts with a disk image do not work',
    packages: 'e2fsprogs',
  },
  {
    subject: 'archivers',
    names: ['tar', 'zstd'],
    consequence: 'backups cannot be made',
    packages: 'tar and zstd',
  },
  {
    subject: 'decompressors',
    names: ['xz', 'bzip2'],
    consequence: 'archives of these kinds cannot be imported',
    packages: 'xz-utils and bzip2',
  },
  {
    subject: 'qemu-img',
    names: ['qemu-img'],
    consequence: 'disk images other than raw can be neither imported nor exported',
    packages: 'qemu-utils',
  },
  {
    subject: 'mmdebstrap',
    names: ['mmdebstrap'],
    consequence: 'templates of Debian cannot be built',
    packages: 'mmdebstrap',
  },
  { subject: 'ps', names: ['ps'], consequence: 'vzps does not work', packages: 'procps' },
];

async function findTools(names: readonly string[]): Promise<Outcome> {
  const missing: string[] = [];
  for (const name of names)
    await output('sh', '-c', 'command -v "$1"', 'sh', name).catch(() => missing.push(name));
  return missing.length > 0 ? lacking(`no ${missing.join(', ')}`) : ok(names.join(', '));
}

async function tryCriu(isRoot: boolean): Promise<Outcome> {
  const { program, version } = await findCriu();
  if (!isRoot) return UNTRIED;
  await output(program, 'check');
  return ok(formatVersion(version));
}

/** Where Debian's unit mounts it; vz.conf may name another place. */
async function findView(): Promise<Outcome> {
  const found = await findLxcfs('/var/lib/lxcfs');
  return found ? ok(found.directory) : lacking('it does not run');
}

/** Interpreters that containers find too: the kernel has opened them beforehand (flag F). */
function findEmulators(): Outcome {
  const at = '/proc/sys/fs/binfmt_misc';
  if (!existsSync(`${at}/status`)) return lacking('binfmt_misc is not mounted');
  const fixed = readdirSync(at).filter(
    (name) => name.startsWith('qemu-') && /^flags:.*F/m.test(readFileSync(`${at}/${name}`, 'utf8')),
  );
  return fixed.length > 0 ? ok(fixed.join(', ')) : lacking('none is registered with the flag F');
}

export const PROGRAMS: readonly Check[] = [
  ...TOOLS.map(
    ({ subject, names, consequence, packages }): Check => ({
      subject,
      consequence,
      advice: `Install ${packages}.`,
      probe: () => findTools(names),
    }),
  ),
  {
    subject: 'criu',
    consequence: 'running containers cannot be suspended or moved',
    advice:
      'Install Debian’s criu or, where that is too old, what src/setup/criu.sh of this package fetches; the kernel needs CONFIG_CHECKPOINT_RESTORE.',
    probe: ({ isRoot }) => tryCriu(isRoot),
  },
  {
    subject: 'lxcfs',
    consequence: 'containers see memory, processors and load of this host in /proc',
    advice: 'Install lxcfs, and have it run: systemctl enable --now lxcfs.',
    probe: findView,
  },
  {
    subject: 'emulators',
    consequence: `only programs of ${machine()} run in containers`,
    advice: 'Install qemu-user-static and binfmt-support.',
    probe: findEmulators,
  },
];
