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
import { type Family, familyOf } from '../plan/guest/family.js';
import { editFiles, filesFor, type GuestSettings, settingsOf, wantsFiles } from '../plan/guest/files.js';
import { chooseManager, type NetworkManager } from '../plan/guest/network.js';
import { MANAGER_PLACES } from '../plan/guest/network-edits.js';
import { withPassword } from '../plan/guest/password.js';
import { type Resolver, wantsHost } from '../plan/guest/resolver.js';
import { writeFileAtomic } from '../state/atomic-file.js';
import { readSnapshots } from '../state/snapshots.js';
import { readText } from '../state/text-file.js';
import type { Context } from './context.js';
import { guestFiles, withGuestFiles } from './guest-root.js';
import { neighboursOf } from './neighbours.js';

/** Keys whose values are in files of the guest. */
const FILE_KEYS = ['HOSTNAME', 'NAMESERVER', 'SEARCHDOMAIN', 'NAT_NAMES'] as const;
/** Of which something may be there too: a guest that does not take it must not keep them from being changed. */
const NETWORK_KEYS = ['IP_ADDRESS', 'NAT_ADDRESS', 'NETIF'] as const;
const DAY_MS = 86_400_000;

/** In the private area: which settings its files have. */
const APPLIED = 'applied';

interface Wanted {
  readonly config: ContainerConfig;
  readonly settings: GuestSettings;
  readonly host: Resolver;
  readonly digest: string;
}

/** What start has to write before init runs; undefined: nothing, or the files have it already. */
export function pendingSettings(context: Context, config: ContainerConfig): Wanted | undefined {
  if (!wantsFiles(settingsOf(config))) return undefined;
  const wanted = wantedOf(context, config);
  return readText(`${config.privateArea}/${APPLIED}`) === wanted.digest ? undefined : wanted;
}

function wantedOf(context: Context, config: ContainerConfig): Wanted {
  const settings = settingsOf(config, config.network.natNames ? neighboursOf(context, config.ctid) : []);
  const host = wantsHost(settings) ? hostResolver() : { nameservers: [], searchDomains: [] };
  // After going back to a snapshot it is made of other nodes.
  const { node } = readSnapshots(config.privateArea).current.chain;
  const digest = createHash('sha256')
    .update(JSON.stringify([settings, host, node]))
    .digest('hex');
  return { config, settings, host, digest };
}

/** At a start. A guest that keeps its files from being written starts all the same. */
export async function configureForStart(context: Context, wanted: Wanted): Promise<void> {
  await writeOrWarn(context, guestFiles(wanted.config), wanted);
}

async function writeOrWarn(context: Context, files: GuestFiles, wanted: Wanted): Promise<void> {
  const { ctid } = wanted.config;
  try {
    await writeSettings(files, wanted);
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
  const wanted = now ? wantedChange(context, config, changes) : undefined;
  if (!wanted && passwords.length === 0) return;
  await withGuestFiles(context, config, async (files) => {
    if (wanted && FILE_KEYS.some((key) => changes.has(key))) await writeSettings(files, wanted);
    else if (wanted) await writeOrWarn(context, files, wanted);
    if (passwords.length > 0) await setPasswords(files, config, passwords);
  });
}

function wantedChange(context: Context, config: ContainerConfig, changes: Edits): Wanted | undefined {
  if (![...FILE_KEYS, ...NETWORK_KEYS].some((key) => changes.has(key))) return undefined;
  const wanted = wantedOf(context, config);
  // An interface that was there may have left something in them.
  return wantsFiles(wanted.settings) || changes.has('NETIF') ? wanted : undefined;
}

function passwordsOf(changes: Edits): readonly UserPassword[] {
  const edit = changes.get('USERPASSWD');
  if (edit === undefined || edit === '') return [];
  return (typeof edit === 'string' ? [edit] : edit.add).map(parseUserPassword);
}

async function writeSettings(files: GuestFiles, { config, settings, host, digest }: Wanted): Promise<void> {
  const texts = new Map<string, string | undefined>();
  for (const path of filesFor(settings)) texts.set(path, await files.read(path, codeOf(path)));
  const edits = editFiles(settings, {
    ...(await lookAround(files)),
    read: (path) => texts.get(path),
    host,
  });
  for (const { path, text, mode } of edits) {
    await files.replace(path, text, { code: codeOf(path), mode });
    faultPoint('configure.file');
  }
  writeFileAtomic(`${config.privateArea}/${APPLIED}`, digest, { durable: false });
}

/** Whose system it is, and what brings its network up. */
async function lookAround(
  files: GuestFiles,
): Promise<{ readonly family: Family; has(path: string): boolean }> {
  const places = new Set<string>();
  for (const path of MANAGER_PLACES) if (await files.has(path)) places.add(path);
  const osRelease = (await files.read('etc/os-release')) ?? (await files.read('usr/lib/os-release'));
  return { family: familyOf(osRelease), has: (path) => places.has(path) };
}

/** What brings the network of a running guest up; undefined: nobody knows. */
export async function managerOf(
  context: Context,
  config: ContainerConfig,
): Promise<NetworkManager | undefined> {
  const { family, has } = await withGuestFiles(context, config, lookAround);
  return chooseManager(family, has);
}

function codeOf(path: string): ErrorCode {
  if (path.endsWith('resolv.conf')) return 'BAD_NAMESERVER';
  return /host/i.test(path) || path.endsWith('sysconfig/network') ? 'BAD_HOSTNAME' : 'IP_FAILED';
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
