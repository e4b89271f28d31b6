/**
 * Commands without a process of their own, for lanes where Node takes seconds to start. The host lane runs all of them
 * as its users do; here that holds for those that make processes which outlive them, or are to be killed.
 */
import type { Program } from '../../dist/cli/main.js';

const VERBS =
  'create destroy exec exec2 list mount network quotaon set snapshot snapshot-delete snapshot-list snapshot-switch start status stop umount'.split(
    ' ',
  );
const WHOLE = ['vzlist', 'vzpid', 'vzps', 'vzubc', 'vznetstat'];

/** What it is called as there; undefined: it has to be a process. */
export function programHere(command: Program | 'cella', [verb = '']: readonly string[]): Program | undefined {
  const program = command === 'cella' ? 'vzctl' : command;
  if (process.env.CELLA_LANE !== 'vm') return undefined;
  return WHOLE.includes(program) || (program === 'vzctl' && VERBS.includes(verb)) ? program : undefined;
}
