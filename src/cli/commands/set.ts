/** vzctl set */
import { CellaError } from '../../errors.js';
import { addParameters, changesOf } from '../parameters.js';
import type { Register } from '../session.js';

export const registerSet: Register = (program, session) => {
  const command = program
    .command('set')
    .description("change a container's parameters")
    .argument('<ctid>')
    .option('--save', 'keep the changes in the configuration file')
    .option('--force', 'accepted for compatibility')
    .option('--setmode <mode>', 'accepted for compatibility');
  addParameters(command, { settableOnly: true }).action(
    async (id: string, options: Record<string, string>) => {
      const container = await session.container(id);
      const changes = changesOf(options);
      if (changes.size === 0)
        throw new CellaError('BAD_OPTION', 'nothing to set: give at least one parameter');
      await container.set(changes, { save: options.save !== undefined, signal: session.interruptible() });
      if (options.save !== undefined)
        await session.say(`CT configuration saved to ${container.ctid}.conf`, container.ctid);
    },
  );
};
