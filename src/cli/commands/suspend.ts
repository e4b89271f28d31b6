/** vzctl suspend and resume, of old chkpnt and restore */
import { resolve } from 'node:path';
import type { Register, Session } from '../session.js';

interface Words {
  readonly dumpfile?: string;
}

export const registerSuspend: Register = (program, session) => {
  program
    .command('suspend')
    .alias('chkpnt')
    .description('put a running container, with its memory, into files')
    .argument('<ctid>')
    .option('--dumpfile <directory>', 'where to; default: Dump.CTID in DUMPDIR')
    .action(async (id: string, { dumpfile }: Words) => {
      const container = await session.container(id);
      await session.say('Setting up checkpoint...');
      await container.suspend({ ...placeOf(dumpfile), signal: session.interruptible() });
      await session.say('Checkpointing completed successfully', container.ctid);
    });
  program
    .command('resume')
    .description('have a suspended container go on')
    .argument('<ctid>')
    .option('--dumpfile <directory>', 'from where; default: Dump.CTID in DUMPDIR')
    .option('--skip_arpdetect', 'accepted for compatibility')
    .action((id: string, words: Words) => resume(session, id, words));
};

export async function resume(session: Session, id: string, { dumpfile }: Words): Promise<void> {
  const container = await session.container(id);
  await session.say('Restoring container...');
  await container.resume({ ...placeOf(dumpfile), signal: session.interruptible() });
  await session.say('Restoring completed successfully', container.ctid);
}

function placeOf(dumpfile: string | undefined): { readonly dump?: string } {
  return dumpfile === undefined ? {} : { dump: resolve(dumpfile) };
}
