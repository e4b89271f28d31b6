/** vzsplit: a sample configuration for one of several equal parts of the host. */
import { InvalidArgumentError } from 'commander';
import { CellaError } from '../../errors.js';
import type { Register } from '../session.js';

interface SplitOptions {
  readonly number?: number;
  readonly file?: string;
  readonly swap?: number;
}

export const addSplit: Register = (command, session) => {
  command
    .description('a sample configuration for one of several equal parts of the host')
    .option('-n, --number <N>', 'for so many containers', parseSome)
    .option('-f, --file <NAME>', 'make ve-NAME.conf-sample of it, rather than print it')
    .option('-s, --swap <KB>', 'swap for all of them together; default: what the host has', parseCount)
    .action(async ({ number, file, swap }: SplitOptions) => {
      if (number === undefined)
        throw new CellaError('MISSING_ARGUMENT', 'the number of containers is missing: give -n');
      const host = await session.host();
      const text = await host.split(number, swap === undefined ? {} : { swap: BigInt(swap) * 1024n });
      if (file === undefined) session.io.stdout.write(text);
      else await session.say(`Wrote ${await host.addSample(file, text)}`);
    });
};

function parseSome(text: string): number {
  const count = parseCount(text);
  if (count > 0) return count;
  throw new InvalidArgumentError('One at least.');
}

export function parseCount(text: string): number {
  if (/^(?:0|[1-9]\d{0,11})$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number.');
}
