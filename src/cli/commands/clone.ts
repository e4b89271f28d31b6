/** cella clone and move; vzctl compact and convert */
import { CellaError } from '../../errors.js';
import type { Register } from '../session.js';

export const registerClone: Register = (program, session) => {
  program
    .command('clone')
    .description('make a container of a stopped one')
    .argument('<ctid>', 'the stopped one')
    .argument('<new-ctid>')
    .action(async (source: string, target: string) => {
      const [from, container] = [await session.container(source), await session.container(target)];
      await container.cloneOf(from, { signal: session.interruptible() });
      await session.say(`Container ${container.ctid} was cloned from ${from.ctid}`, container.ctid);
    });
};

export const registerMove: Register = (program, session) => {
  program
    .command('move')
    .description('give a stopped container another id, or its files another place')
    .argument('<ctid>')
    .argument('[new-ctid]')
    .option('--private <path>', 'the directory that its files are to be in, on any file system')
    .action(async (id: string, newId: string | undefined, options: { readonly private?: string }) => {
      const container = await session.container(id);
      const signal = session.interruptible();
      if ((newId === undefined) === (options.private === undefined))
        throw new CellaError('BAD_OPTION', 'say what is to change: the id or, with --private, the place');
      if (newId !== undefined) {
        const { ctid } = await container.moveTo(await session.container(newId), { signal });
        return session.say(`Container ${container.ctid} is ${ctid} now`, ctid);
      }
      if (options.private !== undefined) await container.moveArea({ privateArea: options.private, signal });
      await session.say(`Container ${container.ctid} was moved to ${options.private}`, container.ctid);
    });
};

export const registerCompact: Register = (program, session) => {
  program
    .command('compact')
    .description("give unused blocks of a container's disk image back to the host")
    .argument('<ctid>')
    .action(async (id: string) => {
      const container = await session.container(id);
      const bytes = await container.compact({ signal: session.interruptible() });
      await session.say(`${Math.round(bytes / 2 ** 20)} MiB were given back`, container.ctid);
    });
};

export const registerConvert: Register = (program, session) => {
  program
    .command('convert')
    .description('give a stopped container another layout')
    .argument('<ctid>')
    .requiredOption('--layout <layout>', 'overlay or plain, and what holds it: plain:image')
    .action(async (id: string, { layout }: { readonly layout: string }) => {
      const container = await session.container(id);
      await container.convert(layout, { signal: session.interruptible() });
      await session.say(`Container ${container.ctid} has the layout ${layout} now`, container.ctid);
    });
};
