/** What `check` looks for, and what it says of it. */
import { isErrno } from '../../errors.js';
import { run } from '../run.js';
import { TOOLS } from '../storage/resize.js';

/** `untried`: it takes root to find out. */
export type State = 'ok' | 'lacking' | 'untried';

export interface Finding {
  readonly subject: string;
  readonly state: State;
  /** Whether no container runs without it. */
  readonly required: boolean;
  /** What was found. */
  readonly fact: string;
  /** What does not work without it, and one sentence on what to do about that; null where nothing is lacking. */
  readonly consequence: string | null;
  readonly advice: string | null;
}

export interface Outcome {
  readonly state: State;
  readonly fact: string;
}

/** What probes are told. */
export interface Surroundings {
  /** Where private areas are, or will be: a directory that there is. */
  readonly area: string;
  readonly isRoot: boolean;
}

export interface Check {
  readonly subject: string;
  readonly required?: true;
  readonly consequence: string;
  /** Imperative, one sentence. */
  readonly advice: string;
  /** Changes nothing. What it throws is what is lacking. */
  readonly probe: (at: Surroundings) => Outcome | Promise<Outcome>;
}

export async function judge(check: Check, at: Surroundings): Promise<Finding> {
  const { subject, required = false, consequence, advice } = check;
  const { state, fact } = await outcomeOf(check, at);
  const ok = state === 'ok';
  return {
    subject,
    state,
    required,
    fact,
    consequence: ok ? null : consequence,
    advice: ok ? null : state === 'untried' ? 'Ask again as root.' : advice,
  };
}

async function outcomeOf({ probe }: Check, at: Surroundings): Promise<Outcome> {
  try {
    return await probe(at);
  } catch (error) {
    if (!at.isRoot && isErrno(error, 'EACCES', 'EPERM')) return UNTRIED;
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return lacking(line);
  }
}

export const ok = (fact: string): Outcome => ({ state: 'ok', fact });
export const lacking = (fact: string): Outcome => ({ state: 'lacking', fact });
export const UNTRIED: Outcome = { state: 'untried', fact: 'only root can find out' };

const PATIENCE_MS = 20_000;

/** What a tool writes to its standard output. */
export async function output(...argv: readonly [string, ...string[]]): Promise<string> {
  const { stdout } = await run(argv, {
    env: { ...TOOLS, HOME: '/' },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return stdout.trim();
}

/** Mounts of a script are nobody else's, and go with it. */
export async function aside(script: string): Promise<string> {
  return output('unshare', '--mount', '--propagation', 'private', 'sh', '-euc', script);
}
