/** vzctl destroy */
import type { Register } from '../session.js';

export const registerDestroy: Register = (program, session) => {
  program
    .command('destroy')
    .alias('delete')
    .description('remove a container and its files')
    .argument('<ctid>')
    .action(async (id: string) => {
      const container = await session.container(id);
      await container.destroy({ signal: session.interruptible() });
      await session.say('Container private area was destroyed', container.ctid);
    });
};
