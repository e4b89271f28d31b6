/** vzpid, vzctl pid: which container processes of the host are in. */
import type { Command } from 'commander';
import type { ProcessPlace } from '../../container/host.js';
import { CellaError, EXIT } from '../../errors.js';
import type { Register, Session } from '../session.js';
import { type Field, json, table } from '../table.js';

interface PidOptions {
  readonly inner?: true;
  readonly json?: true;
}

type Column = Field<ProcessPlace>;

function column(name: keyof ProcessPlace, title: string, width: number): Column {
  const value = (row: ProcessPlace): string | number | null => row[name];
  return { name, title, width, right: false, value, text: (row) => String(value(row) ?? '') };
}

const PID = column('pid', 'Pid', 10);
const CTID = column('ctid', 'CTID', 10);
const INNER = column('innerPid', 'VPid', 10);
const NAME = column('name', 'Name', 0);

export const registerPid: Register = (program, session) => addPid(program.command('pid'), session);

/** Makes `command` one that tells of processes. */
export function addPid(command: Command, session: Session): void {
  command
    .description('which container processes of the host are in; 0: the host itself')
    .argument('<pid...>', '"-": from standard input')
    .option('-p, --inner', 'their pids in the container too')
    .option('-j, --json', 'as JSON')
    .action(async (words: readonly string[], options: PidOptions) => {
      const pids = (await wordsOf(words, session)).map(parsePid);
      const rows = await (await session.host()).locate(pids);
      const { stdout, stderr } = session.io;
      const fields = options.inner ? [PID, CTID, INNER, NAME] : [PID, CTID, NAME];
      stdout.write(
        options.json ? json(rows, [PID, CTID, INNER, NAME]) : table(rows, fields, { header: true }),
      );
      const found = new Set(rows.map(({ pid }) => pid));
      for (const pid of pids.filter((pid) => !found.has(pid))) {
        stderr.write(`there is no process ${pid}\n`);
        session.status = EXIT.BAD_VALUE;
      }
    });
}

async function wordsOf(words: readonly string[], { io }: Session): Promise<readonly string[]> {
  if (words.join(' ') !== '-') return words;
  let text = '';
  for await (const data of io.stdin) text += String(data);
  return text.split(/\s+/).filter(Boolean);
}

const LARGEST = 4_194_304;

function parsePid(word: string): number {
  const pid = /^\d{1,7}$/.test(word) ? Number(word) : 0;
  if (pid >= 1 && pid <= LARGEST) return pid;
  throw new CellaError('BAD_VALUE', `'${word.slice(0, 64)}' is no process id`);
}
