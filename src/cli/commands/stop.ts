/** vzctl stop */
import type { Register } from '../session.js';

export const registerStop: Register = (program, session) => {
  program
    .command('stop')
    .description('shut a container down and unmount it')
    .argument('<ctid>')
    .option('--fast', 'without a clean shutdown')
    .action(async (id: string, options: { fast?: true }) => {
      const container = await session.container(id);
      await session.say('Stopping container...');
      const { wasRunning } = await container.stop({
        fast: options.fast === true,
        signal: session.interruptible(),
      });
      await session.say(wasRunning ? 'Container was stopped' : 'Container is not running', container.ctid);
    });
};
