/** cella stats: what containers use, with their network and what they wait for. */
import { Option } from 'commander';
import type { Register } from '../session.js';
import { SORTS } from '../top/rows.js';
import { lookerAt, parseDelay, printTop, showTop, type TopOptions } from '../top/run.js';
import { ALL_COLUMNS } from '../top/screen.js';

/** As docker(1) has it: lines where there is no terminal, and one look on request. */
export const registerStats: Register = (program, session) => {
  program
    .command('stats')
    .description('what containers use: processor, memory, disk, network, and what they wait for')
    .argument('[ctid...]')
    .option('-d, --delay <seconds>', 'between two looks', parseDelay, 2)
    .option('--no-stream', 'one look, and rates of what the delay is')
    .addOption(new Option('-s, --sort <key>', 'what is most comes first').choices(SORTS).default('cpu'))
    .option('-a, --all', 'stopped ones too')
    .option('-j, --json', 'as an object a line, for programs')
    .addHelpText('after', STATS_HELP)
    .action(async (ids: readonly string[], options: TopOptions & { readonly stream: boolean }) => {
      const look = await lookerAt(ids, session);
      const isLive = options.stream && !options.json && session.io.columns() !== undefined;
      if (isLive) return showTop(look, options, ALL_COLUMNS, session);
      const iterations = options.stream ? {} : { iterations: 1 };
      await printTop(look, { ...options, ...iterations }, ALL_COLUMNS, session);
    });
};

const STATS_HELP = `
%CPU is of one processor; MEM leaves out what of files can be given back at once. RECV/S and SENT/S are bytes of frames.
WAITCPU, WAITMEM and WAITIO are percent of the last ten seconds in which something of it waited for that.`;
