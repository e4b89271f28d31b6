/** Building a template from its recipe: in a directory aside, then into the cache by one rename. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { machine } from 'node:os';
import { CellaError } from '../errors.js';
import { follow } from '../host/run.js';
import { takeLock } from '../state/lock.js';
import { type Undo, withUndo } from '../undo.js';
import { cacheDirectory, findTemplate, type Template } from './cache.js';
import { contentsOf } from './contents.js';
import { requireEmulation } from './foreign.js';
import { builtName, parseRecipe, type TemplateManifest } from './manifest.js';

/** What a build is at. */
export interface BuildEvent {
  readonly template: string;
  readonly step: string;
}

export interface BuildOptions {
  /** The machine to build for, as uname(2) or Debian calls it; default: this one. */
  readonly arch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly report?: ((event: BuildEvent) => void) | undefined;
}

/** Debian's names for machines. */
const MACHINES: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

function machineOf(arch: string | undefined): string {
  const name = arch === undefined ? machine() : (MACHINES[arch] ?? arch);
  if (Object.values(MACHINES).includes(name)) return name;
  throw new CellaError('BAD_VALUE', `'${name.slice(0, 32)}' is not an architecture that is built for`, {
    hint: `Choose one of these: ${Object.values(MACHINES).join(', ')}.`,
  });
}

/** Builds what `recipe`/template.json names; an older template of that name is replaced once it is done. */
export async function buildTemplate(
  recipe: string,
  templateDir: string,
  options: BuildOptions = {},
): Promise<Template> {
  const path = `${recipe}/template.json`;
  const stated = parseRecipe(readFileSync(path, 'utf8'), path);
  const arch = machineOf(options.arch);
  const name = builtName(stated, arch);
  const report = (step: string): void => options.report?.({ template: name, step });
  await requireEmulation(arch);
  const cache = cacheDirectory(templateDir);
  // Root's alone: setuid programs of a template are no business of the host's users.
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  using _lock = await takeLock({ directory: `${cache}/.lock`, name, verb: 'build', signal: options.signal });
  await removeStale(cache, name);
  await withUndo(async (undo) => {
    const staging = mkdtempSync(`${cache}/.${name}.`);
    undo.push('stage template', () => rm(staging, { recursive: true, force: true }));
    const rootfs = `${staging}/rootfs`;
    const source = await fill(rootfs, recipe, { arch, report, signal: options.signal });
    report('counting what is in it');
    const manifest: TemplateManifest = {
      ...stated,
      name,
      arch,
      built: new Date().toISOString(),
      source: source || name,
      layers: ['rootfs'],
      ...contentsOf(rootfs),
      // Here, with the tree as it will stay, a digest is to be taken.
      digest: null,
      command: null,
    };
    writeFileSync(`${staging}/manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    options.signal?.throwIfAborted();
    await replace(`${cache}/${name}`, staging, undo);
  });
  return findTemplate(templateDir, name);
}

interface Filling {
  readonly arch: string;
  readonly report: (step: string) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * What build.sh says on its standard output is what it built from; returns the first line. Lines of its standard
 * error that begin with "I: " tell what it is at. Of our environment it gets what leads to tools and to the network.
 */
async function fill(rootfs: string, recipe: string, { arch, report, signal }: Filling): Promise<string> {
  mkdirSync(rootfs);
  // mkdir(2) would take the umask into account.
  chmodSync(rootfs, 0o755);
  const stdout = await follow(['sh', `${recipe}/build.sh`, rootfs, arch], {
    env: environment(),
    signal,
    onLine: (line) => {
      if (line.startsWith('I: ')) report(printable(line.slice(3)));
    },
  });
  const files = `${recipe}/files`;
  if (existsSync(files)) cpSync(files, rootfs, { recursive: true, verbatimSymlinks: true });
  const [line = ''] = stdout.split('\n');
  return printable(line);
}

/** Tools of the system, whatever this process finds first. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const PASSED_ON = ['TMPDIR', 'http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

function environment(): Readonly<Record<string, string>> {
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { PATH, ...Object.fromEntries(passedOn) };
}

function printable(line: string): string {
  return line
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 128);
}

async function replace(target: string, staging: string, undo: Undo): Promise<void> {
  const old = `${staging}.old`;
  const replaces = existsSync(target);
  if (replaces) {
    renameSync(target, old);
    undo.push('set old template aside', () => renameSync(old, target));
  }
  renameSync(staging, target);
  undo.disarm();
  if (replaces) await rm(old, { recursive: true, force: true });
}

/** What builds that were cut short left behind: with the lock held, nobody else builds this template. */
async function removeStale(cache: string, name: string): Promise<void> {
  const prefix = `.${name}.`;
  for (const entry of readdirSync(cache)) {
    // The rest as mkdtemp(3) makes it, so that `.a.b.XXXXXX` is not taken for one of template `a`.
    const isStale = entry.startsWith(prefix) && /^[A-Za-z0-9]{6}(\.old)?$/.test(entry.slice(prefix.length));
    if (isStale) await rm(`${cache}/${entry}`, { recursive: true, force: true });
  }
}
