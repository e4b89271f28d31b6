/** Tools of the host that images need, and the Debian packages that they come with. */
import { CellaError } from '../errors.js';
import { hasTool, type JobOptions, runJob } from '../host/jobs.js';

const PACKAGES: Readonly<Record<string, string>> = {
  'qemu-img': 'qemu-utils',
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  mount: 'mount',
  tar: 'tar',
};

export type Argv = readonly [string, ...string[]];

/** Fails with the name of the package where a tool is missing. */
export function needTools(...names: readonly string[]): void {
  const missing = names.find((name) => !hasTool(name));
  if (missing === undefined) return;
  throw new CellaError('SYSTEM', `${missing} is not installed`, {
    hint: `Install the Debian package ${PACKAGES[missing] ?? missing}.`,
  });
}

export function job(argv: Argv, options: JobOptions = {}): Promise<string> {
  needTools(argv[0]);
  return runJob([argv], options);
}
