/** cella restore; vzrestore */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { BackupSource } from '../../container/restore-files.js';
import { CellaError } from '../../errors.js';
import type { Register, Session } from '../session.js';
import { addSteps, type ResumeWords, resume } from './suspend.js';

interface Words extends ResumeWords {
  readonly localUid?: string;
  readonly dumpdir?: string;
  readonly file: readonly string[];
  readonly to?: string;
}

export const registerRestore: Register = (program, session) => {
  add(program.command('restore'), session);
};

/** The command of that name. */
export function addRestore(program: Command, session: Session): void {
  add(program, session);
}

function add(command: Command, session: Session): void {
  addSteps(command)
    .description('make a container of a backup, or take single files out of one')
    .argument('<file>', '"-": standard input')
    .argument('[ctid]', "default: the backed up container's")
    .option('--local_uid, --local-uid <id>', 'first user id of its own; 0: privileged; default: allocated')
    .option('--dumpdir <directory>', 'where the backups are that standard input adds to')
    .option(
      '--file <path>',
      'only this, with what is below it, to a directory of the host; may be repeated',
      (path: string, all: readonly string[]) => [...all, path],
      [],
    )
    .option('--to <directory>', 'which directory')
    .action(async (file: string, ctid: string | undefined, words: Words) => {
      // What vzctl calls so is to resume a container.
      if (/^\d+$/.test(file) && ctid === undefined && !existsSync(file)) return resume(session, file, words);
      const source: BackupSource =
        file === '-' ? { stream: session.io.stdin, directory: words.dumpdir ?? '.' } : file;
      if (words.file.length > 0 || words.to !== undefined) return takeOut(session, source, words);
      const host = await session.host();
      const restored = await host.restore(source, {
        ctid,
        localUid: uidOf(words.localUid),
        signal: session.interruptible(),
      });
      await session.say(`Container ${restored.ctid} was restored`, restored.ctid);
    });
}

async function takeOut(session: Session, source: BackupSource, { file, to }: Words): Promise<void> {
  if (file.length === 0 || to === undefined)
    throw new CellaError('MISSING_ARGUMENT', '--file and --to go together');
  const host = await session.host();
  const count = await host.extract(source, file, to, { signal: session.interruptible() });
  await session.say(`${count} files were put into ${to}`);
}

function uidOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new CellaError('BAD_VALUE', `--local_uid: '${text.slice(0, 64)}' is not a user id`);
}
