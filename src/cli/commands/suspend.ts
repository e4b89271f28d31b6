/** vzctl suspend and resume, of old chkpnt and restore, whole and in steps */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ResumeStep, SuspendStep } from '../../container/checkpoint-steps.js';
import { CellaError } from '../../errors.js';
import type { Register, Session } from '../session.js';

interface Place {
  readonly dumpfile?: string;
}

type SuspendWords = Place & { readonly [S in SuspendStep]?: true };
export type ResumeWords = Place & { readonly [S in ResumeStep]?: true };

/** What is said of each. */
const SUSPENDED: Readonly<Record<SuspendStep, string>> = {
  suspend: 'Container stands still',
  dump: 'Its state was written',
  kill: 'Container was killed',
  resume: 'Container goes on',
};

const RESUMED: Readonly<Record<ResumeStep, string>> = {
  undump: 'Container was put back, and stands still',
  resume: 'Container goes on',
  kill: 'Container was killed',
};

export const registerSuspend: Register = (program, session) => {
  forOld(
    program
      .command('suspend')
      .alias('chkpnt')
      .description('put a running container, with its memory, into files')
      .argument('<ctid>')
      .option('--dumpfile <directory>', 'where to; default: Dump.CTID in DUMPDIR')
      .option('--suspend', 'only have it stand still')
      .option('--dump', 'only write the state of one that stands still')
      .option('--kill', 'only end one that stands still')
      .option('--resume', 'have one go on that stands still'),
  ).action((id: string, words: SuspendWords) => suspend(session, id, words));
  addSteps(
    program
      .command('resume')
      .description('have a suspended container go on')
      .argument('<ctid>')
      .option('--skip_arpdetect', 'accepted for compatibility'),
  ).action((id: string, words: ResumeWords) => resume(session, id, words));
};

/** Of `resume` and what is called `restore` too. */
export function addSteps(command: Command): Command {
  return forOld(
    command
      .option('--dumpfile <directory>', 'from where; default: Dump.CTID in DUMPDIR')
      .option('--undump', 'only put it back, without its running')
      .option('--resume', 'have one run that was put back so')
      .option('--kill', 'end one that was put back so; it is suspended as before'),
  );
}

function forOld(command: Command): Command {
  return command
    .option('--flags <number>', 'accepted for compatibility')
    .option('--context <number>', 'accepted for compatibility');
}

async function suspend(session: Session, id: string, words: SuspendWords): Promise<void> {
  const step = stepIn(SUSPENDED, words);
  const container = await session.container(id);
  const options = { ...placeOf(words), signal: session.interruptible() };
  if (step !== undefined) {
    await container.suspendStep(step, options);
    return session.say(SUSPENDED[step], container.ctid);
  }
  await session.say('Setting up checkpoint...');
  await container.suspend(options);
  await session.say('Checkpointing completed successfully', container.ctid);
}

export async function resume(session: Session, id: string, words: ResumeWords): Promise<void> {
  const step = stepIn(RESUMED, words);
  const container = await session.container(id);
  const options = { ...placeOf(words), signal: session.interruptible() };
  if (step !== undefined) {
    await container.resumeStep(step, options);
    return session.say(RESUMED[step], container.ctid);
  }
  await session.say('Restoring container...');
  await container.resume(options);
  await session.say('Restoring completed successfully', container.ctid);
}

/** Undefined: all of them. */
function stepIn<S extends string>(
  steps: Readonly<Record<S, string>>,
  words: { readonly [each in S]?: true },
): S | undefined {
  const given = (Object.keys(steps) as S[]).filter((step) => words[step]);
  if (given.length < 2) return given[0];
  throw new CellaError('BAD_VALUE', `one step at a time: ${given.map((step) => `--${step}`).join(', ')}`);
}

function placeOf({ dumpfile }: Place): { readonly dump?: string } {
  return dumpfile === undefined ? {} : { dump: resolve(dumpfile) };
}
