/** vzctl status: four facts, which panels read by the position of the word. */
import type { Register } from '../session.js';

export const registerStatus: Register = (program, session) => {
  program
    .command('status')
    .description('say whether a container exists, is mounted, runs')
    .argument('<ctid>')
    .action(async (id: string) => {
      const container = await session.container(id);
      const { exists, mounted, running, suspended } = await container.status();
      const facts = [
        exists ? 'exist' : 'deleted',
        mounted ? 'mounted' : 'unmounted',
        running ? 'running' : 'down',
        ...(suspended ? ['suspended'] : []),
      ];
      session.io.stdout.write(`CTID ${container.ctid} ${facts.join(' ')}\n`);
    });
};
