/** Building a template from its recipe: its build.sh, then its files. */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { machine } from 'node:os';
import { CellaError } from '../errors.js';
import { follow } from '../host/run.js';
import type { Template } from './cache.js';
import { digestLayers } from './digest.js';
import { requireEmulation } from './foreign.js';
import { builtName, oneLine, parseRecipe } from './manifest.js';
import { packagesOf } from './packages.js';
import { type Claim, stageTemplate } from './staging.js';

/** What a build is at. */
export interface BuildEvent {
  readonly template: string;
  readonly step: string;
}

export interface BuildOptions {
  /** The machine to build for, as uname(2) or Debian calls it; default: this one. */
  readonly arch?: string | undefined;
  /** See `StagingRequest`. */
  readonly claim?: Claim | undefined;
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
  const { claim, signal } = options;
  return stageTemplate({ templateDir, name, verb: 'build', claim, signal }, async (staging) => {
    const rootfs = `${staging}/rootfs`;
    const source = await fill(rootfs, recipe, { arch, report, signal });
    report('taking its digest');
    return {
      ...stated,
      name,
      arch,
      built: new Date().toISOString(),
      source: source || name,
      layers: ['rootfs'],
      packages: packagesOf(rootfs),
      command: null,
      ...(await digestLayers([rootfs], signal)),
    };
  });
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
      if (line.startsWith('I: ')) report(oneLine(line.slice(3)));
    },
  });
  const files = `${recipe}/files`;
  if (existsSync(files)) cpSync(files, rootfs, { recursive: true, verbatimSymlinks: true });
  const [line = ''] = stdout.split('\n');
  return oneLine(line);
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
