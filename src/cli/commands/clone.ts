/** cella clone; vzctl compact and convert */
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
