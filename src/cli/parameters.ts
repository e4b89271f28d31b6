/** Container parameters as options of create and set, from the one table in config/. */
import { type Command, Option } from 'commander';
import type { Edits } from '../config/edits.js';
import { changesFromOptions } from '../config/overrides.js';
import { PARAMETERS, type Parameter } from '../config/parameters.js';

const OPTIONS = PARAMETERS.filter(({ scope, option }) => scope === 'container' && option !== undefined);

/** What create has options of its own for. */
const OWN = new Set(['OSTEMPLATE', 'LOCAL_UID', 'LOCAL_GID']);

export function addParameters(
  command: Command,
  { settableOnly }: { readonly settableOnly: boolean },
): Command {
  for (const parameter of OPTIONS) {
    if (OWN.has(parameter.key) || (settableOnly && !parameter.settable)) continue;
    command.addOption(optionOf(parameter, settableOnly));
  }
  return command;
}

/** One-letter options are those of set, as in vzctl. */
function optionOf(
  { option, short, value, placeholder, help, unit, hidden }: Parameter,
  withShort: boolean,
): Option {
  const flags = `${withShort && short !== undefined ? `${short}, ` : ''}${option} <${placeholder ?? value.placeholder}>`;
  const made = new Option(flags, unit === undefined ? help : `${help} (${unit})`).hideHelp(hidden);
  // What is given last counts for one value, as in vzctl; a list takes all.
  if (value.list === undefined) return made;
  return made.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
}

/** The parameters among parsed options, checked, as config keys. */
export function changesOf(options: Readonly<Record<string, unknown>>): Edits {
  const given = OPTIONS.flatMap(({ key, option }): [string, string | readonly string[]][] => {
    const name = attribute(option ?? '');
    const value = options[name] as string | readonly string[] | undefined;
    return value !== undefined && !OWN.has(key) ? [[(option ?? '').slice(2), value]] : [];
  });
  return changesFromOptions(Object.fromEntries(given));
}

/** How commander names an option: --stop-timeout → stopTimeout. */
function attribute(option: string): string {
  return option.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** For commander: of an option that may be given several times, all of it. */
export function append(word: string, before: readonly string[]): readonly string[] {
  return [...before, word];
}
