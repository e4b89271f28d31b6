/** What a template says of itself: how its init is started and stopped, and where it came from. */
import { machine } from 'node:os';
import { CellaError } from '../errors.js';
import { signalNumber } from '../signals.js';

/** What whoever writes a template's recipe says of it. */
export interface TemplateRecipe {
  readonly version: 1;
  /** `{arch}` in a recipe stands for the machine that it is built for. */
  readonly name: string;
  readonly description: string;
  readonly init: readonly string[];
  /** Asks init to power off: a name, SIGRTMIN+3 too. */
  readonly stopSignal: string;
  /** Run inside: ends with 0 once the guest is up. Empty: nobody can tell. */
  readonly ready: readonly string[];
}

export interface TemplateManifest extends TemplateRecipe {
  /** As uname(2) calls the machine. */
  readonly arch: string;
  /** ISO 8601, UTC. */
  readonly built: string;
  /** What it was made from, for people. */
  readonly source: string;
  /** Directories of its files beside the manifest, topmost first. Default: only `rootfs`. */
  readonly layers: readonly string[];
  /** What is in it, by name and version, as its package manager says. Default: none. */
  readonly packages: Readonly<Record<string, string>>;
  /** Regular files' bytes, and entries of every kind. Default: 0, not counted. */
  readonly size: number;
  readonly files: number;
  /** `sha256:…` over all that it holds; see digest.ts. Default: null, not taken. */
  readonly digest: string | null;
  /** What an application image runs. Default: null, its init alone. */
  readonly command: TemplateCommand | null;
}

/** An OCI image's process (OCI image-spec, config.md). */
export interface TemplateCommand {
  readonly argv: readonly string[];
  /** NAME=value. */
  readonly env: readonly string[];
  /** "user", "uid", "user:group" or "uid:gid" as the image's own files name them; "" is root. */
  readonly user: string;
  readonly cwd: string;
}

/** Whether this may name a template, and so a directory in the cache. */
export function isTemplateName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value);
}

/** `path` is for complaints. */
export function parseManifest(text: string, path: string): TemplateManifest {
  const fields = new Fields(text, path);
  return {
    ...recipeOf(fields, isTemplateName),
    arch: fields.take('arch', isMachine),
    built: fields.take('built', isTimestamp),
    source: fields.take('source', isText),
    layers: fields.takeOr('layers', isLayers, ['rootfs']),
    packages: fields.takeOr('packages', isPackages, {}),
    size: fields.takeOr('size', isCount, 0),
    files: fields.takeOr('files', isCount, 0),
    digest: fields.takeOr('digest', isDigest, null),
    command: fields.takeOr('command', isProcess, null),
  };
}

/** A template.json: a manifest of what is not built yet. `path` is for complaints. */
export function parseRecipe(text: string, path: string): TemplateRecipe {
  return recipeOf(new Fields(text, path), isRecipeName);
}

/** The name of what a recipe makes for a machine. */
/** One whose name says nothing of the machine is this machine's; another machine's has another name. */
export function builtName({ name }: TemplateRecipe, arch: string): string {
  if (name.includes(ARCH) || arch === machine()) return name.replace(ARCH, arch);
  return `${name}-${arch}`;
}

const ARCH = '{arch}';

function isRecipeName(value: unknown): value is string {
  return typeof value === 'string' && isTemplateName(value.replace(ARCH, 'x86_64'));
}

function recipeOf(fields: Fields, isName: (value: unknown) => value is string): TemplateRecipe {
  return {
    version: fields.take('version', isVersion),
    name: fields.take('name', isName),
    description: fields.take('description', isText),
    init: fields.take('init', isCommand),
    stopSignal: fields.take('stopSignal', isSignal),
    ready: fields.take('ready', isCommandOrNone),
  };
}

/** The own properties of a JSON object, whatever it calls them. */
class Fields {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #path: string;

  constructor(text: string, path: string) {
    this.#path = path;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new CellaError('INVALID_CONFIG', `'${path}' is not JSON`, { cause });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new CellaError('INVALID_CONFIG', `'${path}' is not a template manifest`);
    this.#fields = new Map(Object.entries(value));
  }

  takeOr<T>(name: string, is: (value: unknown) => value is T, fallback: T): T {
    return this.#fields.has(name) ? this.take(name, is) : fallback;
  }

  take<T>(name: string, is: (value: unknown) => value is T): T {
    const value = this.#fields.get(name);
    if (is(value)) return value;
    const what = this.#fields.has(name) ? 'is not valid' : 'is missing';
    throw new CellaError('INVALID_CONFIG', `'${name}' ${what} in template manifest '${this.#path}'`);
  }
}

function isVersion(value: unknown): value is 1 {
  return value === 1;
}

/** One line: it ends up on terminals. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && /^\P{Cc}{0,256}$/u.test(value);
}

function isMachine(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9_]{1,32}$/.test(value);
}

function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const time = new Date(value);
  return !Number.isNaN(time.getTime()) && time.toISOString() === value;
}

function isSignal(value: unknown): value is string {
  return typeof value === 'string' && signalNumber(value) !== undefined;
}

function isCommand(value: unknown): value is readonly string[] {
  return isCommandOrNone(value) && value.length > 0;
}

function isCommandOrNone(value: unknown): value is readonly string[] {
  if (!Array.isArray(value)) return false;
  const words: readonly unknown[] = value;
  const program = words[0] ?? '/';
  return (
    words.every((word) => typeof word === 'string' && !word.includes('\0')) &&
    typeof program === 'string' &&
    program.startsWith('/')
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isDigest(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value));
}

/** Names of single directories, so that none leads out of the template. */
function isLayers(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= 128 && value.every(isTemplateName);
}

function isPackages(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every((entry) => entry.every(isText));
}

function isProcess(value: unknown): value is TemplateCommand | null {
  if (value === null) return true;
  if (typeof value !== 'object') return false;
  const { argv, env, user, cwd } = value as Partial<Record<string, unknown>>;
  return isWords(argv) && isWords(env) && isText(user) && typeof cwd === 'string' && /^\/[^\0]*$/.test(cwd);
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string' && !word.includes('\0'));
}

/** As much of it as a manifest's text may be. */
export function oneLine(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 128);
}
