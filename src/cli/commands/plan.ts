/** cella plan: how many more containers of a kind this host holds, and what runs out first. */
import { InvalidArgumentError } from 'commander';
import { EXIT } from '../../errors.js';
import { roomTable } from '../capacity/tables.js';
import type { Register } from '../session.js';
import { literal } from '../table.js';
import { parseCount } from './split.js';

interface PlanOptions {
  readonly template?: string;
  readonly config?: string;
  readonly largest?: true;
  readonly reserve: number;
  readonly seconds: number;
  readonly json?: true;
}

const HELP = `
EACH is what one container needs, as those hold that run; FREE what is left on the host, of which KEPT stays free; MORE how
many containers the rest is enough for. Memory leaves out what of files can be given back at once, and is that of now:
limits are not looked at. Status 6: so many do not fit.`;

export const registerPlan: Register = (program, session) => {
  program
    .command('plan')
    .description('how many more containers of a kind this host holds, and what runs out first')
    .argument('[count]', 'whether so many more fit', parseCount)
    .option('--template <name>', 'as those of this template that run; default: as all that run')
    .option('--config <SAMPLE>', 'where none of them runs: at the limits of this sample configuration')
    .option('--largest', 'as the largest of them, rather than as they are on average')
    .option('--reserve <percent>', 'to be left free of all that varies', parsePercent, 10)
    .option('--seconds <number>', 'for which processors are measured', parseSeconds, 2)
    .option('-j, --json', 'for programs: bytes, things, processors')
    .addHelpText('after', HELP)
    .action(async (wanted: number | undefined, options: PlanOptions) => {
      const { template, config, reserve, seconds, json } = options;
      const by = options.largest ? 'largest' : 'average';
      const room = await (await session.host()).room({
        template,
        sample: config,
        by,
        reserve,
        interval: seconds * 1000,
        signal: session.interruptible(),
      });
      const fits = wanted === undefined || room.more === null || wanted <= room.more;
      const answer = { wanted: wanted ?? null, fits, template: template ?? null, by, reserve, ...room };
      session.io.stdout.write(json ? `${literal(answer)}\n` : roomTable(room, { wanted, template, by }));
      if (!fits) session.status = EXIT.NO_RESOURCES;
    });
};

function parsePercent(text: string): number {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a percentage, from 0 to 99.');
}

function parseSeconds(text: string): number {
  if (/^\d{1,4}(?:\.\d+)?$/.test(text) && Number(text) >= 0.1) return Number(text);
  throw new InvalidArgumentError('It is a number of seconds, from 0.1 on.');
}
