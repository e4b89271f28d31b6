/** Whether the limits of a configuration go together, as Linux takes them, and what would make them. Pure. */

import { readContainerConfig } from './container-config.js';
import type { Ctid } from './ctid.js';
import { type ConfigFile, formatConfig, getSettings, parseConfig, updateConfig } from './grammar.js';
import { readLimits } from './validate-limits.js';
import { RULES } from './validate-rules.js';

export interface ConfigFinding {
  /** An error: the limits contradict each other. A warning: one of them holds nothing. */
  readonly level: 'error' | 'warning' | 'recommendation';
  readonly message: string;
  /** Key and value that put it right; undefined: only a person can say. */
  readonly repair?: readonly [key: string, value: string];
}

export interface ValidateOptions {
  /** Whether it is to limit memory (VSwap); undefined: as it does. */
  readonly vswap?: boolean | undefined;
  /** What is there; undefined: any host. Bytes. */
  readonly host?: { readonly memory: bigint; readonly cpus: number } | undefined;
}

/** By severity. Throws INVALID_CONFIG for a file with a line or a value that cannot be read. */
export function validateConfig(
  text: string,
  name: string,
  options: ValidateOptions = {},
): readonly ConfigFinding[] {
  const file = parseConfig(text);
  expectReadable(file, name);
  const found = RULES.flatMap((rule) => rule(readLimits(file), options));
  return LEVELS.flatMap((level) => found.filter((finding) => finding.level === level));
}

const LEVELS = ['error', 'warning', 'recommendation'] as const;

export interface Repaired {
  readonly text: string;
  readonly changes: readonly { readonly key: string; readonly from: string | null; readonly to: string }[];
}

/** Puts right what errors and warnings tell, as far as it is known how; other lines stay as they are. */
export function repairConfig(text: string, name: string, options: ValidateOptions = {}): Repaired {
  const before = getSettings(parseConfig(text));
  let repaired = text;
  // What puts one right may bring up another: each round only ever makes a limit smaller or a barrier equal.
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const repair = validateConfig(repaired, name, options).find(
      (finding) => finding.level !== 'recommendation' && finding.repair,
    )?.repair;
    if (!repair) break;
    repaired = formatConfig(updateConfig(parseConfig(repaired), new Map([repair])));
  }
  const changes = [...getSettings(parseConfig(repaired))].flatMap(([key, { value }]) => {
    const from = before.get(key)?.value ?? null;
    return from === value ? [] : [{ key, from, to: value }];
  });
  return { text: repaired, changes };
}

const MOST_ROUNDS = 100;

/** As a start would read it, whichever container it is of. */
function expectReadable(file: ConfigFile, name: string): void {
  readContainerConfig(101 as Ctid, parseConfig(''), file, { host: name, container: name });
}
