/** The guest's own files as its configuration wants them, and passwords: written by the host, from outside. */
import { createHash } from 'node:crypto';
import type { ContainerConfig } from '../config/container-config.js';
import type { Edits } from '../config/edits.js';
import { parseUserPassword, type UserPassword } from '../config/texts.js';
import { CellaError, type ErrorCode, isErrno } from '../errors.js';
import { faultPoint } from '../fault.js';
import type { GuestFiles } from '../host/guest-files.js';
import { hostResolver } from '../host/resolver.js';
import { native } from '../native/binding.js';
import { familyOf } from '../plan/guest/family.js';
import { editFiles, GUEST_FILES, settingsOf, wantsFiles } from '../plan/guest/files.js';
import { withPassword } from '../plan/guest/password.js';
import { type Resolver, wantsHost } from '../plan/guest/resolver.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readSnapshots } from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import type { Context } from './context.js';
import { guestFiles, withGuestFiles } from './guest-root.js';

/** Keys whose values are in files of the guest. */
const FILE_KEYS = ['HOSTNAME', 'NAMESERVER', 'SEARCHDOMAIN'] as const;
const DAY_MS = 86_400_000;

/** In the private area: which settings its files have. */
const APPLIED = 'applied';

interface Wanted {
  readonly config: ContainerConfig;
  readonly host: Resolver;
  readonly digest: string;
}

/** What start has to write before init runs; undefined: nothing, or the files have it already. */
export function pendingSettings(config: ContainerConfig): Wanted | undefined {
  const settings = settingsOf(config);
  if (!wantsFiles(settings)) return undefined;
  const wanted = wantedOf(config);
  return readText(`${config.privateArea}/${APPLIED}`) === wanted.digest ? undefined : wanted;
}

function wantedOf(config: ContainerConfig): Wanted {
  const settings = settingsOf(config);
  const host = wantsHost(settings) ? hostResolver() : { nameservers: [], searchDomains: [] };
  // After going back to a snapshot it is made of other nodes.
  const { node } = readSnapshots(config.privateArea).current.chain;
  const digest = createHash('sha256')
    .update(JSON.stringify([settings, host, node]))
    .digest('hex');
  return { config, host, digest };
}

/** At a start. A guest that keeps its files from being written starts all the same. */
export async function configureForStart(context: Context, wanted: Wanted): Promise<void> {
  const { ctid } = wanted.config;
  try {
    await writeSettings(guestFiles(wanted.config), wanted);
  } catch (error) {
    if (!(error instanceof CellaError)) throw error;
    context.report({ type: 'warning', ctid, message: `${error.message}; it keeps what it has` });
  }
}

/** What `set` changes in a guest, running or not. `config`: with the changes, `save`: they are to stay. */
export async function changeGuest(
  context: Context,
  config: ContainerConfig,
  { changes, now }: { readonly changes: Edits; readonly now: boolean },
): Promise<void> {
  const passwords = passwordsOf(changes);
  const hasFiles = now && FILE_KEYS.some((key) => changes.has(key)) && wantsFiles(settingsOf(config));
  if (!hasFiles && passwords.length === 0) return;
  await withGuestFiles(context, config, async (files) => {
    if (hasFiles) await writeSettings(files, wantedOf(config));
    if (passwords.length > 0) await setPasswords(files, config, passwords);
  });
}

function passwordsOf(changes: Edits): readonly UserPassword[] {
  const edit = changes.get('USERPASSWD');
  if (edit === undefined || edit === '') return [];
  return (typeof edit === 'string' ? [edit] : edit.add).map(parseUserPassword);
}

async function writeSettings(files: GuestFiles, { config, host, digest }: Wanted): Promise<void> {
  const texts = new Map<string, string | undefined>();
  for (const path of GUEST_FILES) texts.set(path, await files.read(path, codeOf(path)));
  const osRelease = (await files.read('etc/os-release')) ?? (await files.read('usr/lib/os-release'));
  const edits = editFiles(settingsOf(config), {
    family: familyOf(osRelease),
    read: (path) => texts.get(path),
    host,
  });
  for (const { path, text } of edits) {
    await files.replace(path, text, { code: codeOf(path), mode: 0o644 });
    faultPoint('configure.file');
  }
  writeFileAtomic(`${config.privateArea}/${APPLIED}`, digest, { durable: false });
}

function codeOf(path: string): ErrorCode {
  return path.endsWith('resolv.conf') ? 'BAD_NAMESERVER' : 'BAD_HOSTNAME';
}

const PASSWORD = { code: 'PASSWORD_FAILED', mode: 0o600 } as const;

/** All of them, or none where there is no such user. */
async function setPasswords(
  files: GuestFiles,
  { ctid }: ContainerConfig,
  passwords: readonly UserPassword[],
): Promise<void> {
  const passwd = (await files.read('etc/passwd', PASSWORD.code)) ?? '';
  const shadow = await files.read('etc/shadow', PASSWORD.code);
  let accounts = { passwd, shadow };
  for (const { user, password } of passwords) {
    const hash = await native()
      .hashPassword(password)
      .catch((cause: unknown) => {
        const why = isErrno(cause, 'ERANGE') ? ': it is too long' : '';
        throw new CellaError(PASSWORD.code, `cannot hash the password of '${user}'${why}`, { cause });
      });
    const today = Math.floor(Date.now() / DAY_MS);
    const changed = withPassword(accounts, user, { hash, today });
    if (!changed)
      throw new CellaError(PASSWORD.code, `container ${ctid} has no user '${user}'`, {
        hint: `Make one first: vzctl exec ${ctid} adduser ${user}`,
      });
    accounts = changed;
  }
  // The old password counts until both are written.
  if (accounts.shadow !== undefined) await files.replace('etc/shadow', accounts.shadow, PASSWORD);
  faultPoint('password.shadow');
  if (accounts.passwd !== passwd) await files.replace('etc/passwd', accounts.passwd, PASSWORD);
}
