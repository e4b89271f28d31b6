/** Container parameters as options of create and set, from the one table in config/. */
import type { Command } from 'commander';
import { changesFromOptions } from '../config/overrides.js';
import { PARAMETERS } from '../config/parameters.js';

const OPTIONS = PARAMETERS.filter(({ scope, option }) => scope === 'container' && option !== undefined);

/** What create has options of its own for. */
const OWN = new Set(['OSTEMPLATE', 'LOCAL_UID', 'LOCAL_GID']);

export function addParameters(
  command: Command,
  { settableOnly }: { readonly settableOnly: boolean },
): Command {
  for (const { key, option, help, settable } of OPTIONS) {
    if (OWN.has(key) || (settableOnly && !settable)) continue;
    command.option(`${option} <value>`, help);
  }
  return command;
}

/** The parameters among parsed options, checked, as config keys. */
export function changesOf(options: Readonly<Record<string, unknown>>): Map<string, string> {
  const given = OPTIONS.flatMap(({ key, option }): [string, string][] => {
    const name = attribute(option ?? '');
    const value = options[name];
    return typeof value === 'string' && !OWN.has(key) ? [[(option ?? '').slice(2), value]] : [];
  });
  return changesFromOptions(Object.fromEntries(given));
}

/** How commander names an option: --stop-timeout → stopTimeout. */
function attribute(option: string): string {
  return option.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
