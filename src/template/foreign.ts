/** Templates for another machine: their programs run through an emulator that the kernel must know of. */
import { machine } from 'node:os';
import { CellaError } from '../errors.js';
import { run } from '../host/run.js';

/** The kernel's list may not be mounted, and is not to be mounted where others see it. */
const LIST = `
  at=/proc/sys/fs/binfmt_misc
  [ -e "$at/status" ] || mount -t binfmt_misc binfmt_misc "$at"
  for entry in "$at"/*; do
    case \${entry##*/} in register | status) ;; *) echo "== \${entry##*/}"; cat "$entry" ;; esac
  done`;

/** The first bytes of an ELF file for each machine, and which of them count, as binfmt_misc shows them in hex. */
const E_MACHINE: Readonly<Record<string, string>> = { x86_64: '3e00', aarch64: 'b700' };
/** Where e_machine is in an ELF header, in hex digits (elf(5)). */
const E_MACHINE_AT = 36;

/** Fails unless programs for `arch` run here, in containers too. */
export async function requireEmulation(arch: string): Promise<void> {
  if (arch !== machine()) isEmulated(arch, await listHandlers());
}

/** True, or why not as an error. */
export function isEmulated(arch: string, handlers: readonly Handler[]): true {
  const known = handlers.filter(
    ({ magic }) => magic.slice(E_MACHINE_AT, E_MACHINE_AT + 4) === E_MACHINE[arch],
  );
  if (known.some(({ flags }) => flags.includes('F'))) return true;
  const missing =
    known.length === 0
      ? `this host does not run programs for ${arch}`
      : `this host runs programs for ${arch} only outside containers: '${known[0]?.name}' has no flag F in binfmt_misc`;
  throw new CellaError('UNSUPPORTED_KERNEL', missing, {
    hint: 'Install the package qemu-user-static, of Debian 12 from its backports: systemd registers its emulators with flag F.',
  });
}

interface Handler {
  readonly name: string;
  readonly flags: string;
  readonly magic: string;
}

async function listHandlers(): Promise<readonly Handler[]> {
  const command = ['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', LIST] as const;
  // A kernel without binfmt_misc runs nothing foreign.
  const { stdout } = await run([...command]).catch(() => ({ stdout: '' }));
  return parseHandlers(stdout);
}

/** Entries that are in use, in the form of Documentation/admin-guide/binfmt-misc.rst. */
export function parseHandlers(text: string): readonly Handler[] {
  return text
    .split(/^== /m)
    .slice(1)
    .filter((entry) => /^enabled$/m.test(entry))
    .map((entry) => ({
      name: entry.split('\n', 1)[0] ?? '',
      flags: /^flags: (.*)$/m.exec(entry)?.[1] ?? '',
      magic: /^magic ([0-9a-f]+)$/m.exec(entry)?.[1] ?? '',
    }));
}
