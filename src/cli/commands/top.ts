/** vztop, vzctl top: what containers use, as it changes. */
import { type Command, Option } from 'commander';
import type { Register, Session } from '../session.js';
import { SORTS } from '../top/rows.js';
import { lookerAt, parseCount, parseDelay, printTop, showTop, type TopOptions } from '../top/run.js';
import { COLUMNS } from '../top/screen.js';

export const registerTop: Register = (program, session) => addTop(program.command('top'), session);

const HELP = `
Keys: c or P by cpu, m or M by memory, t by tasks, i by io, n by id, N by name, r the other way round,
a stopped ones too, q ends it. %CPU is of one processor; MEM leaves out what of files can be given back at once.`;

/** Makes `command` one that shows what containers use. */
export function addTop(command: Command, session: Session): void {
  command
    .description('what containers use, as it changes')
    .argument('[ctid...]')
    .option('-d, --delay <seconds>', 'between two looks', parseDelay, 2)
    .option('-n, --iterations <count>', 'end after so many', parseCount)
    .addOption(new Option('-s, --sort <key>', 'what is most comes first').choices(SORTS).default('cpu'))
    .option('-a, --all', 'stopped ones too')
    .option('-b, --batch', 'as lines, for no terminal')
    .option('-j, --json', 'as an object a line, for programs')
    .addHelpText('after', HELP)
    .action(async (ids: readonly string[], options: TopOptions & { readonly batch?: true }) => {
      const look = await lookerAt(ids, session);
      if (options.batch || options.json) return printTop(look, options, COLUMNS, session);
      await showTop(look, options, COLUMNS, session);
    });
}
