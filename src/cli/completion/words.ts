/** What may stand where on a command line, for the completions of shells. */
import type { Command, Option } from 'commander';
import { describeProgram, type Program } from '../main.js';

export const PROGRAMS: readonly Program[] = [
  ...(['vzctl', 'vzlist', 'vzdump', 'vzrestore', 'vzmigrate', 'vznetstat'] as const),
  ...(['vzcalc', 'vzmemcheck', 'vzcpucheck', 'vzcfgvalidate', 'vzsplit'] as const),
];

/** A command, or a verb of one. */
export interface Place {
  /** As `vzctl template build`. */
  readonly path: string;
  readonly verbs: readonly Word[];
  readonly options: readonly OptionWord[];
  /** What its arguments are. */
  readonly arguments: readonly Kind[];
}

export interface Word {
  readonly name: string;
  readonly help: string;
}

export interface OptionWord extends Word {
  /** Undefined for what takes no value. */
  readonly value: Kind | undefined;
}

/** What a value is: one of some words, a file, a container, or anything. */
export type Kind = readonly string[] | 'file' | 'container' | 'any';

export function places(program: Program): readonly Place[] {
  return below(describeProgram(program), program);
}

function below(command: Command, path: string): readonly Place[] {
  const here: Place = {
    path,
    verbs: command.commands.map((sub) => ({ name: sub.name(), help: sub.description() })),
    options: command.options.filter(({ hidden }) => !hidden).flatMap(wordsOf),
    arguments: command.registeredArguments.map((argument) => kindOf(argument.name())),
  };
  return [here, ...command.commands.flatMap((sub) => below(sub, `${path} ${sub.name()}`))];
}

function wordsOf({ long, short, description, flags, required, optional }: Option): readonly OptionWord[] {
  const value = required || optional ? kindOf(/[<[](.*)[>\]]$/.exec(flags)?.[1] ?? '') : undefined;
  return [long, short].flatMap((name) => (name ? [{ name, help: description, value }] : []));
}

/** After the placeholder of a value: `yes|no` is a choice, `DIR` a path. */
function kindOf(placeholder: string): Kind {
  if (/^[a-z0-9_]+(\|[a-z0-9_]+)+$/.test(placeholder)) return placeholder.split('|');
  if (/^(ctid|id|container|source-ctid|new-ctid)$/i.test(placeholder)) return 'container';
  return /^(DIR|file|dir|directory|target|source|script|archive|image|path|disk)$/i.test(placeholder)
    ? 'file'
    : 'any';
}
