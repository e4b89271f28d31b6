/** What an image runs (OCI image-spec, config.md), and what init a container of it gets. */
import { CellaError } from '../errors.js';
import { signalNumber } from '../signals.js';
import { guessInit } from './init.js';
import { findInside } from './inside.js';
import { type JsonObject, listOf, textOf } from './json.js';
import type { TemplateCommand, TemplateRecipe } from './manifest.js';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** null: the image names no command. */
export function commandOf(config: JsonObject): TemplateCommand | null {
  const argv = [...wordsOf(config.Entrypoint), ...wordsOf(config.Cmd)];
  if (argv.length === 0) return null;
  const env = wordsOf(config.Env).filter((word) => /^[^=]+=/.test(word));
  const cwd = textOf(config.WorkingDir) ?? '';
  const user = textOf(config.User) ?? '';
  // Not to be read as none: that would be root.
  if (!/^[A-Za-z0-9_.:$-]{0,256}$/.test(user))
    throw new CellaError('CREATE_FAILED', 'the image names no valid user');
  return {
    argv,
    env,
    user,
    cwd: /^\/[^\0]*$/.test(cwd) ? cwd : '/',
  };
}

function wordsOf(value: unknown): readonly string[] {
  const isWord = (item: unknown): item is string => typeof item === 'string' && !item.includes('\0');
  return listOf(value, isWord) ?? [];
}

/** That of a system image is its own; an application is what its container starts with. */
export function initOf(
  config: JsonObject,
  command: TemplateCommand | null,
  layers: readonly string[],
): Pick<TemplateRecipe, 'init' | 'stopSignal' | 'ready'> {
  const guessed = guessInit(layers);
  if (guessed) return guessed;
  const wanted = textOf(config.StopSignal) ?? '';
  const stopSignal = signalNumber(wanted) === undefined ? 'SIGTERM' : wanted;
  const [program, ...rest] = command?.argv ?? [];
  const path = program === undefined ? undefined : findProgram(program, command?.env ?? [], layers);
  return { init: path === undefined ? ['/sbin/init'] : [path, ...rest], stopSignal, ready: [] };
}

function findProgram(program: string, env: readonly string[], layers: readonly string[]): string | undefined {
  if (program.startsWith('/')) return program;
  const path = env.find((word) => word.startsWith('PATH='))?.slice(5) ?? DEFAULT_PATH;
  return path
    .split(':')
    .map((directory) => `${directory}/${program}`)
    .find((candidate) => candidate.startsWith('/') && findInside(layers, candidate)?.stats.isFile());
}
