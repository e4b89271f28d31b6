/**
 * Commands without a process of their own: in the VM lane, where Node takes seconds to start, and in tests that try many
 * ways what a few of them try as its users do. Those that make processes which outlive them, or are to be killed, have one.
 */
import type { Program } from '../../dist/cli/main.js';

const VERBS =
  'backup clone compact convert create destroy exec exec2 list mount move network plan quotaon restore set snapshot snapshot-delete snapshot-list snapshot-mount snapshot-switch snapshot-umount start status stop umount suspend resume'.split(
    ' ',
  );
const WHOLE = 'vzlist vzpid vzps vzubc vznetstat vzcalc vzmemcheck vzcpucheck vzcfgvalidate vzsplit'.split(
  ' ',
);

/** What it is called as there; undefined: it has to be a process. */
export function programHere(
  command: Program | 'cella',
  [verb = '']: readonly string[],
  anywhere = false,
): Program | undefined {
  const program = command === 'cella' ? 'vzctl' : command;
  if (!anywhere && process.env.CELLA_LANE !== 'vm') return undefined;
  return WHOLE.includes(program) || (program === 'vzctl' && VERBS.includes(verb)) ? program : undefined;
}
