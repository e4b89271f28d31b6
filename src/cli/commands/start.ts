/** vzctl start and restart */
import type { Register } from '../session.js';

const IN_PROGRESS = 'Container start in progress...';

export const registerStart: Register = (program, session) => {
  program
    .command('start')
    .description('mount a container and run its init')
    .argument('<ctid>')
    .option('--wait', 'return when the container is up')
    .option(
      '--force',
      'start it even if it is disabled, has limits that this host cannot hold, or no room (ADMISSION)',
    )
    .option('--skip-fsck', 'accepted for compatibility')
    .option('--skip-remount', 'accepted for compatibility')
    .option('--plan', 'print what would be done, as JSON, and do nothing')
    .action(async (id: string, options: { wait?: true; force?: true; plan?: true }) => {
      const container = await session.container(id);
      if (options.plan) {
        session.io.stdout.write(`${JSON.stringify(await container.planStart(), null, 2)}\n`);
        return;
      }
      await session.say('Starting container...');
      await container.start({
        wait: options.wait === true,
        force: options.force === true,
        signal: session.interruptible(),
      });
      await session.say(IN_PROGRESS, container.ctid);
    });
  program
    .command('restart')
    .description('stop a container if it runs, then start it')
    .argument('<ctid>')
    .option('--wait', 'return when the container is up')
    .option('--fast', 'stop without a clean shutdown')
    .action(async (id: string, options: { wait?: true; fast?: true }) => {
      const container = await session.container(id);
      await session.say('Restarting container...');
      await container.restart({
        wait: options.wait === true,
        fast: options.fast === true,
        signal: session.interruptible(),
      });
      await session.say(IN_PROGRESS, container.ctid);
    });
};
