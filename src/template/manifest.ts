/** What a template says of itself: how its init is started and stopped, and where it came from. */
import { constants } from 'node:os';
import { CellaError } from '../errors.js';

/** What whoever writes a template's recipe says of it. */
export interface TemplateRecipe {
  readonly version: 1;
  readonly name: string;
  readonly description: string;
  readonly init: readonly string[];
  /** Asks init to power off. */
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
}

/** Whether this may name a template, and so a directory in the cache. */
export function isTemplateName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value);
}

/** `path` is for complaints. */
export function parseManifest(text: string, path: string): TemplateManifest {
  const fields = new Fields(text, path);
  return {
    ...recipeOf(fields),
    arch: fields.take('arch', isMachine),
    built: fields.take('built', isTimestamp),
    source: fields.take('source', isText),
  };
}

/** A template.json: a manifest of what is not built yet. `path` is for complaints. */
export function parseRecipe(text: string, path: string): TemplateRecipe {
  return recipeOf(new Fields(text, path));
}

function recipeOf(fields: Fields): TemplateRecipe {
  return {
    version: fields.take('version', isVersion),
    name: fields.take('name', isTemplateName),
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
  return typeof value === 'string' && Object.hasOwn(constants.signals, value);
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
